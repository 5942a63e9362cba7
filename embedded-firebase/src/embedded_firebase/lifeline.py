"""Owns ending a server together with the process that started it, even when that one is killed.

Knows nothing of what the server does.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that asks for it."""
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end when standard input does, as when a parent has died"
    )


def hold(options: argparse.Namespace) -> None:
    """Interrupt this process when standard input ends, where that was asked for."""

    def wait() -> None:
        # Not through sys.stdin, whose lock would be held when the interpreter ends.
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    if options.until_stdin_closes:
        threading.Thread(target=wait, name="lifeline", daemon=True).start()
