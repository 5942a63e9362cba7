"""Owns the Listen RPC: the responses to a client about its targets; must not know which documents a target matches.

A stream has two threads: one reads the requests, one waits for requests and commits and answers. It moves from one
consistent snapshot to the next: all its targets, as of one time, and then the time itself.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

import grpc

from embedded_firebase.firestore.errors import Code, EmulatorError, invalid
from embedded_firebase.firestore.listen import targets
from embedded_firebase.firestore.listen.mailbox import Mailbox
from embedded_firebase.firestore.listen.targets import Difference, Target
from embedded_firebase.firestore.messages import Document, ListenRequest, ListenResponse
from embedded_firebase.firestore.messages import Target as TargetMessage
from embedded_firebase.firestore.query import query
from embedded_firebase.firestore.query.query import Query
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.transactions.views import Consistency
from embedded_firebase.firestore.values.paths import parse_database
from embedded_firebase.firestore.values.timestamps import floor_to_micros, set_micros

MAX_TARGETS = 1_000
# The kinds of `TargetChange`.
_NO_CHANGE, _ADD, _REMOVE, _CURRENT, _RESET = range(5)
_ORIGIN_BYTES = 8


class Guard(Protocol):
    """Checks what a client may hear of; raises PERMISSION_DENIED."""

    def check_documents(self, names: Sequence[str], documents: Sequence[Document | None]) -> None:
        """Check that documents may be read as they are, None for each missing one."""

    def check_query(self, query: Query) -> None:
        """Check that every document that a query could find may be listed."""


class Listen:
    """Serves the listen streams of one engine."""

    def __init__(self, engine: Engine, counters: Counters) -> None:
        self._engine = engine
        self._counters = counters
        # A resume token holds a time and the server that issued it: another server has another history.
        self._origin = secrets.token_bytes(_ORIGIN_BYTES)

    def serve(
        self, guard: Guard | None, requests: Iterator[ListenRequest], context: grpc.ServicerContext
    ) -> Iterator[ListenResponse]:
        """Answer the requests of one stream until its client ends it.

        Args:
            guard: checks what the client may hear of; None for an administrator.
            requests: add and remove targets.
            context: of the call.

        Raises:
            EmulatorError: INVALID_ARGUMENT for a request that is not about this stream's database or its targets.
        """
        first = next(requests, None)
        if first is None:
            return
        database = parse_database(first.database)
        mailbox = Mailbox()
        self._engine.feed.subscribe(database, mailbox.put_commit)
        try:
            if not context.add_callback(mailbox.end):
                return
            mailbox.put_request(first)
            threading.Thread(target=_read, args=(requests, mailbox), name="firestore-listen", daemon=True).start()
            yield from _Stream(self._engine, self._counters, guard, database, mailbox, self._origin).responses()
        finally:
            mailbox.end()
            self._engine.feed.unsubscribe(database, mailbox.put_commit)


class _Stream:
    """The targets of one stream, and what its client has been sent of them."""

    def __init__(
        self,
        engine: Engine,
        counters: Counters,
        guard: Guard | None,
        database: str,
        mailbox: Mailbox,
        origin: bytes,
    ) -> None:
        self._engine = engine
        self._counters = counters
        self._guard = guard
        self._database = database
        self._mailbox = mailbox
        self._origin = origin
        self._targets: dict[int, Target] = {}
        self._server_chooses_ids = False

    def responses(self) -> Iterator[ListenResponse]:
        while self._mailbox.wait():
            request = self._mailbox.take_request()
            if request is None:
                yield from self._advance()
                continue
            if request.database not in ("", self._database):
                raise invalid(f'The stream is about "{self._database}", not about "{request.database}".')
            match request.WhichOneof("target_change"):
                case "add_target":
                    yield from self._add(request.add_target)
                case "remove_target":
                    self._drop(request.remove_target)
                    yield _target_change(_REMOVE, request.remove_target)
                case _:
                    raise invalid("A listen request needs add_target or remove_target.")

    def _advance(self) -> Iterator[ListenResponse]:
        time = self._engine.read_time()
        news = False
        for response in self._catch_up(time):
            news = True
            yield response
        if news:
            yield self._snapshot(_NO_CHANGE, time)

    def _catch_up(self, time: int) -> Iterator[ListenResponse]:
        """Send what has changed in all targets up to a time."""
        commits = self._mailbox.take_commits(time)
        changes = dict(targets.latest(commits or ()))
        for target in list(self._targets.values()):
            is_touched = commits is None or target.is_touched(changes)
            try:
                if is_touched:
                    self._check(target, time)
            except EmulatorError as error:
                self._drop(target.id)
                yield _target_change(_REMOVE, target.id, cause=error)
                continue
            if commits is None or (target.must_be_read and is_touched):
                difference = target.show(self._read(target, time))
            elif target.must_be_read:
                continue
            else:
                difference = target.follow(changes)
            yield from self._tell(target, difference, time)

    def _add(self, message: TargetMessage) -> Iterator[ListenResponse]:
        target_id = self._choose_id(message.target_id)
        if target_id is None:
            refusal = invalid("After a target without target_id, all targets of the stream must come without.")
            yield _target_change(_REMOVE, message.target_id, cause=refusal)
            return
        try:
            target = self._parse(message, target_id)
        except EmulatorError as error:
            yield _target_change(_REMOVE, target_id, cause=error)
            return
        # Subscribe before reading, so that no commit in between is missed.
        self._mailbox.wanted |= target.keys
        time = self._engine.read_time()
        yield from self._catch_up(time)
        try:
            self._check(target, time)
            resumed = self._recall(target, message)
            difference = target.show(self._read(target, time))
        except EmulatorError as error:
            yield _target_change(_REMOVE, target_id, cause=error)
            return
        yield _target_change(_ADD, target_id)
        if not resumed:
            yield _target_change(_RESET, target_id)
        if target.query is None:
            # A client that listens to a document expects an answer when it does not exist.
            difference = Difference(difference.changed, [name for name in target.names if name not in target.shown])
        self._counters.count_reads(self._database, 0 if difference else 1)
        yield from self._tell(target, difference, time)
        yield self._snapshot(_CURRENT, time, target_id)
        yield self._snapshot(_NO_CHANGE, time)
        if message.once:
            yield _target_change(_REMOVE, target_id)
        else:
            self._targets[target_id] = target

    def _choose_id(self, asked: int) -> int | None:
        """Return the id of a new target; None when the client may no longer choose one."""
        if asked < 0:
            raise invalid("target_id must not be negative.")
        if asked in self._targets and not self._server_chooses_ids:
            raise invalid(f"The stream has a target with the id {asked} already.")
        if len(self._targets) >= MAX_TARGETS:
            raise EmulatorError(Code.RESOURCE_EXHAUSTED, f"A stream has at most {MAX_TARGETS:,} targets.")
        if asked:
            return None if self._server_chooses_ids else asked
        self._server_chooses_ids = True
        return max(self._targets, default=0) + 1

    def _parse(self, message: TargetMessage, target_id: int) -> Target:
        match message.WhichOneof("target_type"):
            case "query":
                parsed = query.parse(message.query.parent, message.query.structured_query)
                if parsed.scope.database != self._database:
                    raise invalid(f'The parent "{message.query.parent}" is not in "{self._database}".')
                return Target(target_id, self._database, parsed, ())
            case "documents" if message.documents.documents:
                return Target(target_id, self._database, None, tuple(dict.fromkeys(message.documents.documents)))
            case _:
                raise invalid("A target needs a query or documents.")

    def _recall(self, target: Target, message: TargetMessage) -> bool:
        """Restore what the client has been sent; False when its token is not valid here or the time is too old."""
        match message.WhichOneof("resume_type"):
            case "read_time":
                # Clients take it from bundles and caches; no commit lies between two microseconds.
                since = floor_to_micros(message.read_time)
            case "resume_token" if message.resume_token:
                origin, time = message.resume_token[:_ORIGIN_BYTES], message.resume_token[_ORIGIN_BYTES:]
                if origin != self._origin:
                    return False
                since = int.from_bytes(time, "big")
            case _:
                return True
        try:
            target.show(self._read(target, since))
        except EmulatorError as error:
            if error.code is not Code.FAILED_PRECONDITION:
                raise
            return False
        # On a count mismatch the client is sent everything again.
        if message.HasField("expected_count") and message.expected_count.value != len(target.shown):
            target.shown.clear()
            return False
        return True

    def _check(self, target: Target, time: int) -> None:
        """Check that the client may see a target as of a time, which it is told of next (no TOCTOU)."""
        if self._guard is None:
            return
        if target.query is not None:
            self._guard.check_query(target.query)
        else:
            documents, _ = self._engine.get(self._database, target.names, Consistency(read_time=time))
            self._guard.check_documents(target.names, documents)

    def _drop(self, target_id: int) -> None:
        self._targets.pop(target_id, None)
        self._mailbox.wanted = frozenset().union(*(target.keys for target in self._targets.values()))

    def _read(self, target: Target, time: int) -> Iterable[Document]:
        consistency = Consistency(read_time=time)
        if target.query is not None:
            results, _ = self._engine.query(target.query, consistency)
            return islice(results, target.query.offset, None)
        documents, _ = self._engine.get(self._database, target.names, consistency)
        return (document for document in documents if document is not None)

    def _tell(self, target: Target, difference: Difference, time: int) -> Iterator[ListenResponse]:
        self._counters.count_reads(self._database, len(difference.changed))
        for document in difference.changed:
            change = ListenResponse()
            change.document_change.document.CopyFrom(target.visible(document))
            change.document_change.target_ids.append(target.id)
            yield change
        if not difference.left:
            return
        present, _ = self._engine.get(self._database, difference.left, Consistency(read_time=time))
        for name, found in zip(difference.left, present, strict=True):
            departure = ListenResponse()
            gone = departure.document_delete if found is None else departure.document_remove
            gone.document = name
            gone.removed_target_ids.append(target.id)
            set_micros(gone.read_time, time)
            yield departure

    def _snapshot(self, kind: int, time: int, *target_ids: int) -> ListenResponse:
        """Return a target change with a consistent time and its resume token, for these targets (none: all)."""
        response = _target_change(kind, *target_ids)
        response.target_change.resume_token = self._origin + time.to_bytes(8, "big")
        set_micros(response.target_change.read_time, time)
        return response


def _read(requests: Iterator[ListenRequest], mailbox: Mailbox) -> None:
    try:
        for request in requests:
            mailbox.put_request(request)
    except grpc.RpcError:
        # The client has disconnected, or the server stops.
        pass
    finally:
        mailbox.end()


def _target_change(kind: int, *target_ids: int, cause: EmulatorError | None = None) -> ListenResponse:
    response = ListenResponse()
    response.target_change.target_change_type = kind
    response.target_change.target_ids.extend(target_ids)
    if cause is not None:
        response.target_change.cause.code, response.target_change.cause.message = cause.code, cause.message
    return response
