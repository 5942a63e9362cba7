"""Owns the invariants: what must hold for the books and attempts after every commit, and for all answers at the end.

Reads what the engine stores, and runs the verifier on it too. Must not know the services, so that it cannot share
their mistakes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from google.cloud.firestore_v1._helpers import decode_dict

from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.query.changes import Changes
from embedded_firebase.firestore.transactions.engine import Engine
from embedded_firebase.firestore.values.timestamps import to_micros
from imagegen.books import check

Fields = dict[str, Any]
# When every generation must have ended.
_THE_END = datetime.max.replace(tzinfo=UTC)
# What may still change when a generation has ended: its outbox, and a picture that is deleted.
_OUTBOX = {"webhook", "webhookDueAt", "webhookDelivery", "deletePictureAt"}
# How a generation ended, by the reason of an answer.
_ENDS = {"": "completed", "GENERATION_FAILED": "failed", "GENERATION_CANCELLED": "cancelled"}


class Breach(AssertionError):
    """An invariant is broken."""


def require(kept: bool, promise: str) -> None:
    """Raise a Breach unless an invariant holds."""
    if not kept:
        raise Breach(promise)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A call's answer; `key` is an account and a name, `reason` an error's, `""` for a 200, ACCEPTED for a 202."""

    attempt_id: str
    key: tuple[str, str] | None
    prompt: str
    reason: str
    generation_id: str = ""
    image_url: str | None = None


class Granted(NamedTuple):
    """The answer to a grant: what was requested, and the entry."""

    user_id: str
    key: str
    asked_credits: int
    entry_id: str
    credits: int
    balance_after: int


class Revoked(NamedTuple):
    """The answer to a revocation: the entry."""

    user_id: str
    entry_id: str
    credits: int
    balance_after: int


class Received(NamedTuple):
    """A webhook that its receiver has accepted: the generation, and the status that it says."""

    generation_id: str
    status: str


@dataclass
class Told:
    """All answers to clients: for pictures, ends of generations, grants and revocations; and the received webhooks."""

    answers: list[Answer] = field(default_factory=list)
    ends: list[tuple[str, str]] = field(default_factory=list)
    grants: list[Granted] = field(default_factory=list)
    revocations: list[Revoked] = field(default_factory=list)
    webhooks: list[Received] = field(default_factory=list)


@dataclass(frozen=True)
class Promises:
    """What is promised of attempts and their times, as it is set."""

    attempts: int
    lease_seconds: float
    queue_seconds: float


class Auditor:
    """Keeps its own books, from the commits alone."""

    def __init__(self, promises: Promises) -> None:
        self._promises = promises
        # The attempts whose model is drawing, in a process that lives or has died meanwhile.
        self._drawing: set[str] = set()
        # By generation: how often a model was asked.
        self._asked: Counter[str] = Counter()
        self.accounts: dict[str, Fields] = {}
        self.generations: dict[str, Fields] = {}
        # By account: the entries in the order of their commits, by entry id.
        self.ledgers: dict[str, dict[str, Fields]] = {}
        # The attempts that have charged for a generation; another attempt may draw it.
        self.charged_by: set[str] = set()

    def watch(self, rpc: str, request: Any) -> None:
        """Check that a commit request can only create ledger entries, never change them."""
        for write in request.writes if rpc == "Commit" else ():
            if "/transactions/" in (write.update.name or write.delete):
                created = write.current_document.WhichOneof("condition_type") == "exists"
                require(created and not write.current_document.exists, "a ledger entry is only ever created")

    def listen(self, _commit_time: int, changes: Changes, _keys: object) -> None:
        """Check the documents that a commit has changed."""
        touched = set()
        for path, document in changes.items():
            where = path.name.partition("/documents/")[2]
            collection, name, *below = where.split("/")
            if document is None:
                raise Breach(f"{where} is never deleted")
            if collection not in ("users", "generationRequests"):
                # The webhooks of an account, whose rules are not those of the books.
                continue
            fields = _fields(document)
            if below:
                self._check_entry(name, below[1], fields)
            elif collection == "generationRequests":
                self._check_change(name, fields)
            self._put(where, fields)
            touched.add(name if collection == "users" else fields["userId"])
        for user_id in touched:
            self._check_account(user_id)

    def _check_entry(self, user_id: str, entry_id: str, fields: Fields) -> None:
        ledger = self.ledgers.get(user_id, {})
        require(entry_id not in ledger, f"entry {entry_id} is never changed")
        of = (fields["type"], fields["generationRequestId"])
        known = {(entry["type"], entry["generationRequestId"]) for entry in ledger.values()}
        # A grant has no generation, and there may be many.
        require(of[1] is None or of not in known, f"generation {of[1]} has at most one {of[0]}")

    def _check_change(self, generation_id: str, fields: Fields) -> None:
        before = self.generations.get(generation_id)
        if before is None:
            self.charged_by.add(fields["attemptId"])
            return
        if before["status"] != "pending":
            changed = {name for name in before.keys() | fields.keys() if before.get(name) != fields.get(name)}
            require(changed <= _OUTBOX, f"generation {generation_id} has ended and does not change: {changed}")
        elif fields["status"] == "pending":
            self._check_attempt(generation_id, before, fields)
        else:
            self._check_outcome(generation_id, before, fields)

    def _check_attempt(self, generation_id: str, before: Fields, fields: Fields) -> None:
        name, promises = f"generation {generation_id}", self._promises
        is_claimed = fields["attempts"] == before["attempts"] + 1
        require(is_claimed or fields["attempts"] == before["attempts"], f"{name} begins one attempt at a time")
        require(fields["attempts"] <= promises.attempts, f"{name} has at most {promises.attempts} attempts")
        lease_at = _seconds(fields["leaseExpiresAt"])
        if fields["startedAt"] is None:
            in_queue_seconds = lease_at - _seconds(fields["createdAt"])
            require(in_queue_seconds == promises.queue_seconds, f"{name} waits no longer when it is queued again")
            require(fields["attempts"] < promises.attempts, f"{name} is not queued again after its last attempt")
        elif is_claimed:
            started_at, held_until = _seconds(fields["startedAt"]), _seconds(before["leaseExpiresAt"])
            require(lease_at - started_at == promises.lease_seconds, f"{name} has a lease of an attempt")
            is_queued = before["startedAt"] is None
            in_time = started_at < held_until if is_queued else started_at >= held_until
            require(in_time, f"{name} is begun in its time in the queue, and by one attempt at a time")

    def _check_outcome(self, generation_id: str, before: Fields, fields: Fields) -> None:
        name, reason = f"generation {generation_id}", fields["failureReason"]
        if fields["status"] == "cancelled":
            require(before["startedAt"] is None, f"{name} is not cancelled once it is begun")
        elif reason == "LEASE_EXPIRED":
            in_time = _seconds(fields["completedAt"]) >= _seconds(before["leaseExpiresAt"])
            require(in_time, f"{name} does not expire before its lease")
        elif reason is not None:
            require(before["attemptId"] not in self._drawing, f"{name} does not fail while its attempt draws")

    def begin_drawing(self, attempt_id: str, generation_id: str) -> None:
        """Note that a model is asked."""
        self._drawing.add(attempt_id)
        self._asked[generation_id] += 1
        require(self._asked[generation_id] <= self._promises.attempts, f"no model is asked too often: {generation_id}")

    def end_drawing(self, attempt_id: str) -> None:
        """Note that a model has answered."""
        self._drawing.discard(attempt_id)

    def _check_account(self, user_id: str) -> None:
        account, entries = self.accounts[user_id], self.ledgers[user_id].values()
        balance = account["openingCredits"]
        for sequence, entry in enumerate(entries, start=1):
            balance += -entry["credits"] if entry["type"] in ("deduction", "revocation") else entry["credits"]
            require(entry["sequence"] == sequence, f"{user_id}'s sequence {sequence} is {entry['sequence']}")
            require(entry["balanceAfter"] == balance, f"{user_id}'s balanceAfter {sequence} chains")
            require(balance >= 0, f"{user_id}'s balance is not negative")
        require(account["credits"] == balance, f"{user_id} has {account['credits']} credits; its ledger says {balance}")
        require(account["ledgerCount"] == len(entries), f"{user_id}'s ledgerCount is the ledger's length")
        self._check_generations(user_id)

    def _check_generations(self, user_id: str) -> None:
        entries = self.ledgers[user_id].values()
        charged, refunded = (
            {entry["generationRequestId"]: entry["credits"] for entry in entries if entry["type"] == kind}
            for kind in ("deduction", "refund")
        )
        own = self._generations_of(user_id)
        require(charged == {name: fields["creditsCharged"] for name, fields in own.items()}, "each charge is the price")
        void = {
            name: fields["creditsRefunded"]
            for name, fields in own.items()
            if fields["status"] in ("failed", "cancelled")
        }
        require(refunded == void, "a generation is refunded exactly if it failed or was cancelled")
        require(all(charged[name] == refunded[name] for name in refunded), "the refund equals the charge")

    def _generations_of(self, user_id: str) -> dict[str, Fields]:
        return {name: fields for name, fields in self.generations.items() if fields["userId"] == user_id}

    def _put(self, path: str, fields: Fields) -> None:
        collection, name, *below = path.split("/")
        if collection == "generationRequests":
            self.generations[name] = fields
            return
        ledger = self.ledgers.setdefault(name, {})
        if below:
            ledger[below[1]] = fields
        else:
            self.accounts[name] = fields

    def check_end(self, engine: Engine, database: str, told: Told) -> None:
        """Check the whole books as the engine stores them, and that all answers are true.

        Raises:
            Breach: one was not.
        """
        stored = Auditor(self._promises)
        decoded: dict[str, Fields] = {}
        for document in engine.documents(database):
            path = document.name.partition("/documents/")[2]
            fields: Any = decode_dict(document.fields, None)
            decoded[path] = fields
            if path.startswith(("users/", "generationRequests/")):
                stored._put(path, _fields(document))
        same = (stored.accounts, stored.ledgers, stored.generations) == (self.accounts, self.ledgers, self.generations)
        require(same, "the stored documents are the committed ones")
        for user_id in self.accounts:
            found = check.check(
                user_id,
                decoded[f"users/{user_id}"],
                {name: decoded[f"users/{user_id}/transactions/{name}"] for name in self.ledgers[user_id]},
                {name: decoded[f"generationRequests/{name}"] for name in self._generations_of(user_id)},
                _THE_END,
            )
            require(not found, f"verify finds no breach: {found}")
        pending = [name for name, fields in self.generations.items() if fields["status"] == "pending"]
        require(not pending, f"no generation is pending past its lease: {pending}")
        for answer in told.answers:
            self._check_answer(answer)
        for name, status in told.ends:
            require(self.generations[name]["status"] == status, f"generation {name} is {status}")
        for granted in told.grants:
            self._check_grant(granted)
        for revoked in told.revocations:
            self._check_revocation(revoked)
        _check_keys(told)
        self._check_webhooks(told.webhooks)

    def _check_webhooks(self, received: list[Received]) -> None:
        accepted = {webhook.generation_id for webhook in received}
        for generation_id, status in received:
            require(self.generations[generation_id]["status"] == status, f"the webhook of {generation_id} is true")
        for name, fields in self.generations.items():
            state = fields["webhook"]
            wanted = (None,) if fields["webhookUrl"] is None else ("delivered", "given_up")
            require(state in wanted, f"the webhook of {name} has ended: {state}")
            require(state != "delivered" or name in accepted, f"the webhook of {name} was received")

    def check_pictures(self, kept: Collection[str]) -> None:
        """Check that each kept picture belongs to a completed generation.

        Raises:
            Breach: one does not.
        """
        unpaid = [name for name in kept if self.generations[name]["status"] != "completed"]
        require(not unpaid, f"no picture is kept that was not paid for: {unpaid}")

    def _check_answer(self, answer: Answer) -> None:
        if answer.reason in _ENDS:
            generation = self.generations[answer.generation_id]
            require(generation["status"] == _ENDS[answer.reason], f"{answer} is true")
            require(generation["imageUrl"] == answer.image_url, f"{answer} has the picture")
        elif answer.reason == "ACCEPTED":
            require(answer.generation_id in self.generations, f"{answer} is there")
        elif answer.reason != "UNAVAILABLE":
            require(answer.attempt_id not in self.charged_by, f"{answer} has charged nothing")

    def _check_grant(self, granted: Granted) -> None:
        entry = self.ledgers[granted.user_id][granted.entry_id]
        require(entry["type"] == "grant", f"{granted} is a grant")
        require(entry["credits"] == granted.credits == granted.asked_credits, f"{granted} is what was asked for")
        require(entry["balanceAfter"] == granted.balance_after, f"{granted} has the right balance")

    def _check_revocation(self, revoked: Revoked) -> None:
        ledger = self.ledgers[revoked.user_id]
        entry, granted = (ledger[revoked.entry_id.replace("revocation", kind)] for kind in ("revocation", "grant"))
        require((entry["type"], granted["type"]) == ("revocation", "grant"), f"{revoked} is a revocation of a grant")
        require(entry["credits"] == revoked.credits == granted["credits"], f"{revoked} is the whole of the grant")
        require(entry["balanceAfter"] == revoked.balance_after, f"{revoked} has the right balance")


def _check_keys(told: Told) -> None:
    final = defaultdict(set)
    for answer in told.answers:
        if answer.key and answer.reason in _ENDS:
            final[answer.key].add((answer.reason, answer.generation_id, answer.image_url, answer.prompt))
    for key, answers in final.items():
        require(len(answers) == 1, f"the key {key} identifies one request with one answer: {answers}")
    granted = defaultdict(set)
    for grant in told.grants:
        granted[grant.user_id, grant.key].add(grant)
    for key, grants in granted.items():
        require(len(grants) == 1, f"the key {key} identifies one grant: {grants}")


def _seconds(time: Any) -> float:
    return to_micros(time) / 1e6


def _fields(document: Document) -> Fields:
    # Maps and timestamps stay messages: they are only compared for equality.
    fields: Fields = {}
    for name, value in document.fields.items():
        kind = value.WhichOneof("value_type")
        fields[name] = None if kind is None or kind == "null_value" else getattr(value, kind)
    return fields
