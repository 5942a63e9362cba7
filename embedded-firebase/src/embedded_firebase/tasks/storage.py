"""Owns the durable storage of tasks, which survives a killed process; must not know who delivers a task or when."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# "Another task with the same name can't be created for ~1 hour after the original task was deleted or executed."
_NAME_KEPT_FOR = timedelta(hours=1)
_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS tasks (
    name TEXT PRIMARY KEY, queue TEXT NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL, headers TEXT NOT NULL,
    body BLOB NOT NULL, deadline_seconds REAL NOT NULL, created_at INTEGER NOT NULL, due_at INTEGER NOT NULL,
    is_under_way INTEGER NOT NULL DEFAULT 0, ended_at INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
    executions INTEGER NOT NULL DEFAULT 0, first_attempt_at INTEGER, last_status INTEGER
);
CREATE INDEX IF NOT EXISTS waiting ON tasks (queue, is_under_way, due_at) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS ended ON tasks (ended_at) WHERE ended_at IS NOT NULL;
UPDATE tasks SET is_under_way = 0 WHERE is_under_way;
"""


class TaskExists(Exception):
    """A task has this name, or had it within the past hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A request to be made, and its attempts so far.

    `url` is empty for the default target of the queue, which may change with a restart. `attempts` counts started
    deliveries, `executions` the answers other than server errors.
    """

    name: str
    queue: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    deadline_seconds: float
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    executions: int = 0
    first_attempt_at: datetime | None = None
    last_status: int | None = None


class TaskStorage:
    """Tasks in a file of a folder, or in memory.

    Opening it makes the open deliveries of a dead process due again.

    Raises:
        OSError: the folder cannot be used, or another process uses it.
    """

    def __init__(self, folder: Path | None) -> None:
        self._lock = threading.Lock()
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            path = ":memory:" if folder is None else str(folder / "tasks.sqlite3")
            # Autocommit: each statement is a transaction.
            self._connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)
            self._connection.row_factory = sqlite3.Row
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise OSError(f"the tasks in {folder} cannot be opened: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def add(self, task: Task) -> None:
        """Store a new task durably.

        Raises:
            TaskExists: its name is taken.
        """
        forgotten = _micros(task.created_at - _NAME_KEPT_FOR)
        with self._lock:
            self._connection.execute("DELETE FROM tasks WHERE ended_at <= ?", (forgotten,))
            try:
                self._connection.execute(
                    "INSERT INTO tasks (name, queue, method, url, headers, body, deadline_seconds, created_at, due_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        task.name,
                        task.queue,
                        task.method,
                        task.url,
                        json.dumps(task.headers),
                        task.body,
                        task.deadline_seconds,
                        _micros(task.created_at),
                        _micros(task.due_at),
                    ),
                )
            except sqlite3.IntegrityError:
                raise TaskExists(task.name) from None

    def take(self, queue: str, now: datetime, limit: int) -> list[Task]:
        """Claim tasks that are due, the longest due first; each is under way from now on."""
        with self._lock:
            rows = self._connection.execute(
                "UPDATE tasks SET is_under_way = 1, attempts = attempts + 1, "
                "first_attempt_at = coalesce(first_attempt_at, :now) WHERE name IN (SELECT name FROM tasks "
                "WHERE queue = :queue AND NOT is_under_way AND ended_at IS NULL AND due_at <= :now "
                "ORDER BY due_at LIMIT :limit) RETURNING *",
                {"queue": queue, "now": _micros(now), "limit": limit},
            ).fetchall()
        return sorted(map(_task, rows), key=lambda task: task.due_at)

    def next_due_at(self, queue: str) -> datetime | None:
        """Return when the next task of a queue that is not under way is due."""
        with self._lock:
            (due_at,) = self._connection.execute(
                "SELECT min(due_at) FROM tasks WHERE queue = ? AND is_under_way = 0 AND ended_at IS NULL", (queue,)
            ).fetchone()
        return None if due_at is None else _time(due_at)

    def retry(self, task: Task, due_at: datetime, status: int | None) -> None:
        """Record a failed delivery and make the task due again; `status` is None without an answer."""
        executed = status is not None and status < 500
        with self._lock:
            self._connection.execute(
                "UPDATE tasks SET is_under_way = 0, due_at = ?, last_status = ?, executions = executions + ? "
                "WHERE name = ? AND ended_at IS NULL",
                (_micros(due_at), status, executed, task.name),
            )

    def end(self, name: str, now: datetime) -> bool:
        """Mark a task as ended (done, given up or deleted); return whether it was waiting."""
        with self._lock:
            ended = self._connection.execute(
                "UPDATE tasks SET ended_at = ?, body = x'' WHERE name = ? AND ended_at IS NULL", (_micros(now), name)
            )
        return ended.rowcount == 1

    def waiting(self, queue: str) -> list[Task]:
        """Return the tasks of a queue that have not ended, in the order they are due."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM tasks WHERE queue = ? AND ended_at IS NULL ORDER BY due_at", (queue,)
            ).fetchall()
        return [_task(row) for row in rows]


def _task(row: sqlite3.Row) -> Task:
    fields: dict[str, Any] = {name: row[name] for name in Task.__slots__}
    fields["headers"] = json.loads(fields["headers"])
    for name in ("created_at", "due_at", "first_attempt_at"):
        fields[name] = None if fields[name] is None else _time(fields[name])
    return Task(**fields)


def _micros(time: datetime) -> int:
    return (time - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def _time(micros: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
