"""Owns the command line of the embedded Firestore, `embedded-firestore`; must not know how it works inside."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from embedded_firebase import defaults, lifeline
from embedded_firebase.firestore.server import FirestoreServer
from embedded_firebase.firestore.transactions.transactions import Concurrency


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM and return the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        server = FirestoreServer(
            options.data,
            indexes=options.indexes,
            require_indexes=options.require_indexes,
            rules=options.rules,
            concurrency=Concurrency(options.concurrency),
        )
    except OSError as error:
        return _fail(f"--data {options.data}: {error}")
    except ValueError as error:
        return _fail(str(error))
    try:
        if options.import_dir is not None:
            _import(server, options.import_dir, options.project)
        port = server.start_with_http(options.host, options.port, options.grpc_port)
    except OSError as error:
        server.stop()
        return _fail(f"{error} Choose another with --port." if "Port" in str(error) else str(error))
    lifeline.hold(options)
    _say(f"Firestore ready on {options.host}:{port}")
    stopped.wait()
    try:
        if options.export_on_exit is not None:
            _export(server, options.export_on_exit, options.project)
    except OSError as error:
        return _fail(f"--export-on-exit {options.export_on_exit}: {error}")
    finally:
        server.stop()
    return 0


def _import(server: FirestoreServer, directory: Path, project: str) -> None:
    # Imported here, because reading an export needs packages that serving does not.
    from embedded_firebase.exports.errors import ExportError
    from embedded_firebase.exports.folder import read_export

    if server.is_empty(project):
        try:
            # Read completely before anything is stored, so that a damaged export is not imported in part.
            server.load(list(read_export(directory)), project)
        except ExportError as error:
            raise OSError(f"--import {directory}: {error}.") from error
    else:
        _say(f"Project {project} has data already: it is kept, and --import {directory} is left out.")


def _export(server: FirestoreServer, directory: Path, project: str) -> None:
    from embedded_firebase.exports.folder import write_export

    write_export(directory, server.documents(project), project)
    _say(f"Project {project} is exported to {directory}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="embedded-firestore", description="An embedded Firestore for development.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="the port, 0 for any free one (default: %(default)s)")
    parser.add_argument(
        "--grpc-port", type=int, metavar="PORT", help="serve gRPC alone on this port too, which is a little faster"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep documents in this folder (default: in memory)")
    parser.add_argument(
        "--indexes",
        type=Path,
        metavar="FILE",
        help="the firestore.indexes.json to keep indexes by (default: automatic)",
    )
    parser.add_argument(
        "--require-indexes", action="store_true", help="refuse queries that need a missing index in production"
    )
    parser.add_argument(
        "--rules",
        type=Path,
        metavar="FILE",
        help="the firestore.rules that bind every caller but administrators (default: all are administrators)",
    )
    parser.add_argument(
        "--concurrency",
        choices=[concurrency.value for concurrency in Concurrency],
        default=Concurrency.OPTIMISTIC.value,
        help="whether a transaction finds a conflict when it commits or locks what it reads (default: %(default)s)",
    )
    parser.add_argument(
        "--import",
        dest="import_dir",
        type=Path,
        metavar="DIR",
        help="load this Firebase emulator export, unless the project has data already",
    )
    parser.add_argument(
        "--export-on-exit", type=Path, metavar="DIR", help="write a Firebase emulator export here at the end"
    )
    parser.add_argument(
        "--project",
        default=defaults.PROJECT,
        help="the project of --import and --export-on-exit (default: %(default)s)",
    )
    lifeline.add_option(parser)
    return parser


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fail(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
