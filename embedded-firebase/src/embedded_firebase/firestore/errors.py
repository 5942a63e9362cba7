"""Owns the error that the embedded Firestore raises on purpose; must not know how it is sent to a client."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """The canonical status codes that the server answers with, numbered as in `google.rpc.Code`."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class EmulatorError(Exception):
    """An error that production Firestore would answer too, with its status code and a message."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> EmulatorError:
    """Return the error for a request that can never succeed as it stands."""
    return EmulatorError(Code.INVALID_ARGUMENT, message)
