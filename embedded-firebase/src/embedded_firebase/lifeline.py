"""Owns ending a server with its parent process, even when that is killed; must not know what the server does."""

from __future__ import annotations

import argparse
import os
import signal
import threading


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option `--until-stdin-closes`."""
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="end when standard input closes, as when the parent process has died",
    )


def hold(options: argparse.Namespace) -> None:
    """Terminate this process when standard input closes, if the option is set."""

    def wait() -> None:
        # Not through sys.stdin, whose lock would be held when the interpreter ends.
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    if options.until_stdin_closes:
        threading.Thread(target=wait, name="lifeline", daemon=True).start()
