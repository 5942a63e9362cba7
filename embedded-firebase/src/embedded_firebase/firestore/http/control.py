"""Owns the URLs below /emulator/v1/: clear, export, import, rules, faults and counters.

Must not know any rule of Firestore. Clear, export, import and rules are as in Google's emulator; faults and counters
are this emulator's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from embedded_firebase.firestore.errors import Code, invalid
from embedded_firebase.firestore.http.answers import json_body, json_response
from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.testing.counters import Counters
from embedded_firebase.firestore.testing.faults import Faults
from embedded_firebase.firestore.values.paths import database_name, parse_database

_MAX_DELAY_SECONDS = 600
URLS = Map(
    [
        Rule("/emulator/v1/projects/<project>/databases/<database>/documents", endpoint="clear", methods=["DELETE"]),
        Rule("/emulator/v1/projects/<project>:export", endpoint="export_documents", methods=["POST"]),
        Rule("/emulator/v1/projects/<project>:import", endpoint="import_documents", methods=["POST"]),
        Rule("/emulator/v1/projects/<project>:securityRules", endpoint="put_rules", methods=["PUT"]),
        Rule("/emulator/v1/faults", endpoint="add_fault", methods=["POST"]),
        Rule("/emulator/v1/faults", endpoint="clear_faults", methods=["DELETE"]),
        Rule("/emulator/v1/marks", endpoint="mark", methods=["POST"]),
        Rule("/emulator/v1/counters", endpoint="counted", methods=["GET"]),
        Rule("/emulator/v1/operations", endpoint="operations", methods=["GET"]),
    ],
    strict_slashes=False,
    merge_slashes=False,
)


class Databases(Protocol):
    """Bulk operations on the documents of a database."""

    def load(self, documents: Iterable[Document], project: str, database: str) -> None:
        """Store documents, without preconditions."""

    def clear(self, project: str, database: str) -> None:
        """Delete every document of a database."""

    def documents(self, project: str, database: str) -> Iterator[Document]:
        """Yield every document of a database."""


class Control:
    """Answers the URLs below /emulator/v1/.

    Args:
        databases: are cleared, exported and imported.
        put_rules: given a project and the source of its rules, which it replaces.
        faults: faults on demand.
        counters: counts of calls and billed operations.
    """

    def __init__(
        self, databases: Databases, put_rules: Callable[[str, str], None], faults: Faults, counters: Counters
    ) -> None:
        self._databases = databases
        self._replace_rules = put_rules
        self._faults = faults
        self._counters = counters

    def respond(self, request: Request) -> Response:
        """Answer a request.

        Raises:
            EmulatorError: INVALID_ARGUMENT, naming the field and what is allowed.
            HTTPException: when there is no such URL, or not with this method.
        """
        endpoint, values = URLS.bind_to_environ(request.environ).match()
        answer: Callable[..., Any] = getattr(self, f"_{endpoint}")
        return json_response(answer(request, **values) or {})

    def _clear(self, _request: Request, project: str, database: str) -> None:
        self._databases.clear(project, database)

    def _export_documents(self, request: Request, project: str) -> None:
        # Imported here, because an export needs packages that serving does not.
        from embedded_firebase.exports.errors import ExportError
        from embedded_firebase.exports.folder import write_firestore_export

        body = _body(request, "database", "export_directory", "export_name")
        database = _database_id(body, project)
        name = _text(body, "export_name", "firestore_export")
        if name in (".", "..") or "/" in name or "\\" in name:
            raise invalid(f'export_name is "{name}"; it must be the name of a folder to make in export_directory.')
        folder = Path(_text(body, "export_directory")) / name
        try:
            write_firestore_export(folder, self._databases.documents(project, database))
        except (OSError, ExportError) as error:
            raise invalid(f"The export cannot be written: {error}") from error

    def _import_documents(self, request: Request, project: str) -> None:
        from embedded_firebase.exports.errors import ExportError
        from embedded_firebase.exports.folder import read_export

        body = _body(request, "database", "export_directory", "export_name")
        database = _database_id(body, project)
        place = Path(_text(body, "export_directory")) / _text(body, "export_name", "")
        try:
            # Read completely before anything is stored, so that a damaged export changes nothing.
            documents = list(read_export(place.parent if place.is_file() else place))
        except (OSError, ExportError) as error:
            raise invalid(f"The export cannot be read: {error}") from error
        self._databases.load(documents, project, database)

    def _put_rules(self, request: Request, project: str) -> None:
        match json_body(request):
            case {"rules": {"files": [{"content": str(source)}]}}:
                self._replace_rules(project, source)
            case _:
                raise invalid('The body must be {"rules": {"files": [{"content": "..."}]}}, with one file.')

    def _add_fault(self, request: Request) -> None:
        body = _body(request, "action", "rpc", "code", "count", "seconds", "database", "message")
        action = _text(body, "action")
        rpc = _text(body, "rpc", "Commit")
        count = _count(body)
        database = parse_database(_text(body, "database")) if "database" in body else None
        faults = self._faults
        match action:
            case "abort":
                faults.fail(rpc, Code.ABORTED, count, database=database, message="Aborted on demand.")
            case "fail":
                message = _text(body, "message", "Failed on demand.")
                faults.fail(rpc, _code(_text(body, "code")), count, database=database, message=message)
            case "delay":
                faults.delay(rpc, _seconds(body), count, database=database)
            case "dropAnswer":
                faults.drop_answer(rpc, count, database=database)
            case _:
                raise invalid(f'action is "{action}"; it must be "abort", "fail", "delay" or "dropAnswer".')

    def _clear_faults(self, request: Request) -> None:
        self._faults.clear(database=_asked_database(request))

    def _mark(self, _request: Request) -> dict[str, Any]:
        return {"mark": self._counters.mark()}

    def _counted(self, request: Request) -> dict[str, Any]:
        database = _asked_database(request)
        counts = self._counters.since(request.args.get("since", ""), database)
        names = {"round_trips": "roundTrips", "index_entries": "indexEntries"}
        figures = {"round_trips": counts.round_trips, **asdict(counts)}
        return {names.get(name, name): figure for name, figure in figures.items()}

    def _operations(self, request: Request) -> dict[str, Any]:
        started_at, ended_at = (request.args.get(name, 0.0, float) for name in ("from", "to"))
        counts = self._counters.between(started_at, ended_at, request.args.get("client", ""))
        return {"reads": counts.reads, "writes": counts.writes}


def _body(request: Request, *names: str) -> Mapping[str, Any]:
    body = json_body(request)
    for name in body:
        if name not in names:
            raise invalid(f'The body has a field "{name}"; it may have {", ".join(names)}.')
    return body


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or "\x00" in value or (default is None and not value):
        raise invalid(f"{name} must be a JSON string.")
    return value


def _count(body: Mapping[str, Any]) -> int:
    count = body.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise invalid("count must be an integer above 0.")
    return count


def _seconds(body: Mapping[str, Any]) -> float:
    seconds = body.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _MAX_DELAY_SECONDS:
        raise invalid(f"seconds must be a number from 0 to {_MAX_DELAY_SECONDS}.")
    return seconds


def _database_id(body: Mapping[str, Any], project: str) -> str:
    """Return the id of the database that a body names, which must be of the project in the URL."""
    name = parse_database(_text(body, "database", database_name(project)))
    _, named_project, _, database = name.split("/")
    if named_project != project:
        raise invalid(f'database is "{name}", but the URL is about the project "{project}".')
    return database


def _asked_database(request: Request) -> str | None:
    name = request.args.get("database")
    return None if name is None else parse_database(name)


def _code(name: str) -> Code:
    try:
        return Code[name]
    except KeyError:
        raise invalid(f'code is "{name}"; it must be one of {", ".join(Code.__members__)}.') from None
