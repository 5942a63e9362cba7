"""Owns readable log lines: the JSON entries of the functions and their host, one a line, formatted for a terminal.

Must not know who logs, or why.
"""

from __future__ import annotations

import io
import json
import sys
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

_KEPT_LINES = 1000


class RecentLines:
    """The last lines of calls, as they were shown, by the `requestId` in their entry."""

    def __init__(self) -> None:
        self._lines: deque[tuple[str, str]] = deque(maxlen=_KEPT_LINES)

    def add(self, line: str, shown: str) -> None:
        """Keep a line, if it is an entry that names a call."""
        entry = _entry(line)
        if entry and isinstance(request_id := entry.get("requestId"), str):
            self._lines.append((request_id, shown))

    def of_call(self, request_id: str) -> list[str]:
        """Return the lines of a call, oldest first."""
        return [shown for named, shown in list(self._lines) if named == request_id]


def write(severity: str, message: str, **fields: Any) -> None:
    """Log an entry in the form of Cloud Logging, as the functions themselves do."""
    print(json.dumps({"severity": severity, "message": message, **fields}), flush=True)  # noqa: T201 - the log.


def make_readable(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> RecentLines:
    """From now on, format the entries on standard output and error as readable lines; return those of recent calls."""
    recent = RecentLines()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        setattr(sys, name, ReadableStream(stream, now, recent))
    return recent


def readable(line: str, now: datetime) -> str:
    """Return an entry as `time severity message key=value`, and any other line as it is."""
    entry = _entry(line)
    if entry is None:
        return line
    severity, message = entry.pop("severity"), entry.pop("message", "")
    fields = [f"{key}={_shown(value)}" for key, value in entry.items()]
    return " ".join([f"{now:%H:%M:%S} {severity:<7}", *filter(None, [str(message)]), *fields])


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line) if line.startswith("{") else None
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "severity" in entry else None


class ReadableStream(io.TextIOBase):
    """A text stream that formats whole lines and never interleaves two."""

    # firebase_functions.logger reconfigures streams of another encoding.
    encoding = "utf-8"

    def __init__(self, sink: TextIO, now: Callable[[], datetime], recent: RecentLines | None = None) -> None:
        self._sink = sink
        self._now = now
        self._recent = recent or RecentLines()
        self._begun = threading.local()
        self._passing_on = threading.Lock()

    def write(self, text: str) -> int:
        """Buffer text of this thread; a line is written when it is complete."""
        # print() writes a line and its end separately, and other threads write between the two.
        *lines, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        if lines:
            shown = [readable(line, self._now()) for line in lines]
            for line, text_shown in zip(lines, shown, strict=True):
                self._recent.add(line, text_shown)
            with self._passing_on:
                self._sink.write("".join(line + "\n" for line in shown))
        return len(text)

    def flush(self) -> None:
        """Flush the stream below."""
        self._sink.flush()

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Tell whether the stream below is a terminal."""
        return self._sink.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream below."""
        return self._sink.fileno()


def _shown(value: Any) -> str:
    if isinstance(value, str) and value and not any(character in value for character in ' ="\n'):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
