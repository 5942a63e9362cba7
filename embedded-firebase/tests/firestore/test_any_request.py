"""Any well-formed message to any RPC gets an answer or an error of the protocol, never INTERNAL."""

import random

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor

from embedded_firebase.firestore import messages

DATABASE = "projects/any/databases/(default)"
ROOT = f"{DATABASE}/documents"
NAMES = [f"{ROOT}/c/a", ROOT, DATABASE, f"{ROOT}/c/a/d/b", "", f"{ROOT}/c", f"{ROOT}/c/__x__", "nonsense"]
WORDS = ["c", "v", "w", "__name__", "a.b", "`x y`", "", "*", "v desc", "x" * 2_000, "a..b", "__type__", "/"]
NAMED = {"name", "parent", "database", "documents", "delete", "document", "reference_value"}
NUMBERS = [0, 1, 2, -1, 1_000, 2**31 - 1, -(2**31)]
DOUBLES = [0.0, -0.0, 1.5, float("nan"), float("inf"), -1e308]
MAX_DEPTH = 7
REQUESTS_PER_RPC = 200
SECONDS = 20

UNARY = [
    *("GetDocument", "ListDocuments", "CreateDocument", "UpdateDocument", "DeleteDocument", "BatchWrite", "Commit"),
    *("BeginTransaction", "Rollback", "PartitionQuery", "ListCollectionIds"),
]
ANSWER_STREAMS = ["BatchGetDocuments", "RunQuery", "RunAggregationQuery", "ExecutePipeline"]
STREAMS = ["Write", "Listen"]


class Maker:
    """Fills messages at random, mostly with plausible values."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def request(self, rpc):
        made = getattr(messages, f"{rpc}Request")()
        self._fill(made, 0)
        if "database" in made.DESCRIPTOR.fields_by_name and self._random.random() < 0.9:
            made.database = DATABASE
        return made

    def _fill(self, message, depth):
        if depth > MAX_DEPTH:
            return
        choices = {}
        for field in message.DESCRIPTOR.fields:
            if field.containing_oneof:
                choices.setdefault(field.containing_oneof.name, []).append(field)
            elif self._random.random() < (0.9 if depth == 0 else 0.5) and field.name != "explain_options":
                self._set(message, field, depth)
        for fields in choices.values():
            if self._random.random() < 0.85:
                self._set(message, self._random.choice(fields), depth)

    def _set(self, message, field, depth):
        kind = field.message_type
        count = self._random.choice([0, 1, 1, 2])
        held = getattr(message, field.name)
        if kind is not None and kind.GetOptions().map_entry:
            is_text = kind.fields_by_name["value"].message_type is None
            for key in self._random.choices(WORDS, k=count):
                if is_text:
                    held[key] = "x"
                else:
                    self._fill(held[key], depth + 1)
        elif field.is_repeated:
            if kind is None:
                held.extend(self._plain(field) for _ in range(count))
            for _ in range(count if kind is not None else 0):
                self._fill(held.add(), depth + 1)
        elif kind is not None:
            held.SetInParent()
            self._fill(held, depth + 1)
        else:
            setattr(message, field.name, self._plain(field))

    def _plain(self, field):
        match field.type:
            case FieldDescriptor.TYPE_STRING:
                known = NAMES if field.name in NAMED else WORDS
                return self._random.choice(known[:3] if self._random.random() < 0.8 else known)
            case FieldDescriptor.TYPE_BYTES:
                return self._random.choice([b"", b"x", b"\xff" * 16, b"0" * 100])
            case FieldDescriptor.TYPE_BOOL:
                return self._random.random() < 0.5
            case FieldDescriptor.TYPE_DOUBLE:
                return self._random.choice(DOUBLES)
            case FieldDescriptor.TYPE_ENUM:
                return self._random.choice([*(value.number for value in field.enum_type.values), 77])
            case FieldDescriptor.TYPE_INT64:
                return self._random.choice([*NUMBERS, 2**63 - 1, -(2**63)])
            case _:
                return self._random.choice(NUMBERS)


@pytest.fixture(scope="module")
def channel(firestore_host):
    with grpc.insecure_channel(firestore_host) as opened:
        yield opened


@pytest.mark.embedded
@pytest.mark.parametrize("rpc", [*UNARY, *ANSWER_STREAMS, *STREAMS])
def test_any_request_is_answered(channel, rpc):
    """Any request gets a status that explains the error, and the server keeps running."""
    maker = Maker(rpc)
    path = f"/google.firestore.v1.Firestore/{rpc}"
    serialize = getattr(messages, f"{rpc}Request").SerializeToString
    codes = {_status(channel, rpc, path, serialize, maker.request(rpc)) for _ in range(REQUESTS_PER_RPC)}
    assert not codes & {"INTERNAL", "UNKNOWN", "DEADLINE_EXCEEDED"}
    assert codes & {"OK", "INVALID_ARGUMENT", "UNIMPLEMENTED"}


def _status(channel, rpc, path, serialize, request):
    try:
        if rpc in UNARY:
            channel.unary_unary(path, serialize)(request, timeout=SECONDS)
        elif rpc in ANSWER_STREAMS:
            list(channel.unary_stream(path, serialize)(request, timeout=SECONDS))
        else:
            list(channel.stream_stream(path, serialize)(iter([request]), timeout=SECONDS))
    except grpc.RpcError as error:
        return error.code().name
    return "OK"
