"""Owns the Write RPC: a stream of commits that are applied in order; must not know what a write does."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Write, WriteRequest, WriteResponse, WriteResult
from embedded_firebase.firestore.values.paths import parse_database
from embedded_firebase.firestore.values.timestamps import set_micros

_TOKEN_BYTES = 8

# Commits writes to a database and returns the commit time in microseconds and a result for each write.
Commit = Callable[[str, Sequence[Write]], tuple[int, list[WriteResult]]]


def serve(requests: Iterator[WriteRequest], commit: Commit) -> Iterator[WriteResponse]:
    """Answer the requests of one stream: the first with its id, each further one with the results of its writes.

    A stream has no state beyond its call, so a broken one cannot be resumed.

    Raises:
        EmulatorError: INVALID_ARGUMENT for a request out of order; the error of a commit, which ends the stream.
    """
    first = next(requests, None)
    if first is None:
        return
    database = parse_database(first.database)
    if first.stream_id or first.stream_token:
        raise invalid(f'The write stream "{first.stream_id}" cannot be resumed; start a new one without stream_token.')
    if first.writes:
        raise invalid("The first request of a write stream must hold no writes.")
    yield WriteResponse(stream_id=secrets.token_hex(16), stream_token=_token(0))

    acknowledged = 0
    ended = False
    for answered, request in enumerate(requests):
        if ended:
            raise invalid("Only the last request of a write stream may hold no writes.")
        if request.database not in ("", database):
            raise invalid(f'The stream is about "{database}", not about "{request.database}".')
        acknowledged = _check_token(request.stream_token, acknowledged, answered)
        if not request.writes:
            ended = True
            continue
        commit_time, results = commit(database, request.writes)
        response = WriteResponse(stream_token=_token(answered + 1), write_results=results)
        set_micros(response.commit_time, commit_time)
        yield response


def _token(answered: int) -> bytes:
    return answered.to_bytes(_TOKEN_BYTES, "big")


def _check_token(token: bytes, acknowledged: int, answered: int) -> int:
    """Return up to where the client acknowledges the answers; a request without a token acknowledges nothing new."""
    if not token:
        return acknowledged
    position = int.from_bytes(token, "big")
    if len(token) != _TOKEN_BYTES or not acknowledged <= position <= answered:
        raise invalid("stream_token is not one that this stream gave and that is still in use.")
    return position
