"""Owns the command line of the embedded Firestore, `python -m emulator`; must not know how it works inside."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from emulator import lifeline
from emulator.firestore.server import FirestoreServer


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
        server = FirestoreServer(options.data)
    except OSError as error:
        return _fail(f"--data {options.data}: {error}")
    try:
        if options.import_dir is not None:
            _import(server, options.import_dir, options.project)
        port = server.start(options.host, options.port)
    except OSError as error:
        server.stop()
        return _fail(f"{error} Choose another with --port." if "Port" in str(error) else str(error))
    lifeline.hold(options)
    _say(f"Firestore ready on {options.host}:{port}")
    stopped.wait()
    server.stop()
    return 0


def _import(server: FirestoreServer, directory: Path, project: str) -> None:
    # Imported here, because reading an export needs packages that serving does not.
    from emulator.export_format import read_export

    if server.is_empty(project):
        server.load(read_export(directory), project)
    else:
        _say(f"Project {project} has data already: it is kept, and --import {directory} is left out.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulator", description="An embedded Firestore for development.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to serve on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="the port, 0 for any free one (default: %(default)s)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep documents in this folder (default: in memory)")
    parser.add_argument(
        "--import",
        dest="import_dir",
        type=Path,
        metavar="DIR",
        help="load this Firebase emulator export, unless the project has data already",
    )
    parser.add_argument(
        "--project", default="demo-imagegen", help="the project that --import loads into (default: %(default)s)"
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
