"""The JSON log lines of functions are shown as readable lines."""

import io
import json
import threading
from datetime import UTC, datetime

import pytest

from embedded_firebase.log import ReadableStream, RecentLines, readable

NOON = datetime(2026, 11, 18, 12, 0, 5, tzinfo=UTC)


class TestReadable:
    @pytest.mark.parametrize(
        ("entry", "line"),
        [
            ({"severity": "INFO", "message": "charged"}, "12:00:05 INFO    charged"),
            ({"message": "charged", "severity": "ERROR", "credits": 3}, "12:00:05 ERROR   charged credits=3"),
            ({"severity": "NOTICE", "userId": "ada", "why": "no money"}, '12:00:05 NOTICE  userId=ada why="no money"'),
            ({"severity": "INFO", "message": "a\nb", "at": {"x": [1]}}, '12:00:05 INFO    a\nb at={"x":[1]}'),
            ({"severity": "INFO", "empty": "", "none": None}, '12:00:05 INFO    empty="" none=null'),
        ],
    )
    def test_an_entry(self, entry: dict[str, object], line: str) -> None:
        """Time, severity, message and fields are in one line."""
        assert readable(json.dumps(entry), NOON) == line

    @pytest.mark.parametrize("line", ["", "hello", "{", '{"a": 1}', '["severity"]', "{not json}"])
    def test_other_lines_are_unchanged(self, line: str) -> None:
        """A line that is not a JSON log entry is shown unchanged."""
        assert readable(line, NOON) == line


class TestReadableStream:
    def test_a_line_is_shown_when_it_is_complete(self) -> None:
        """Parts of a line are joined first."""
        sink = io.StringIO()
        stream = ReadableStream(sink, lambda: NOON)
        stream.write('{"severity": "INFO", ')
        assert sink.getvalue() == ""
        stream.write('"message": "m"}\nrest')
        assert sink.getvalue() == "12:00:05 INFO    m\n"

    def test_lines_of_a_call_are_kept(self) -> None:
        """They are found by the request id of their entry, as they were shown; other lines are not."""
        recent = RecentLines()
        stream = ReadableStream(io.StringIO(), lambda: NOON, recent)
        for request_id in ("r1", "r2"):
            print(json.dumps({"severity": "INFO", "message": "m", "requestId": request_id}), file=stream)
        print("requestId r1", file=stream)
        print(json.dumps({"severity": "INFO", "message": "m", "requestId": ["r1"]}), file=stream)
        assert recent.of_call("r1") == ["12:00:05 INFO    m requestId=r1"]

    def test_lines_of_threads_are_not_mixed(self) -> None:
        """Each thread's line stays whole, although print writes its end separately."""
        sink = io.StringIO()
        stream = ReadableStream(sink, lambda: NOON)
        start = threading.Barrier(4)

        def log(number: int) -> None:
            start.wait()
            for _ in range(200):
                print(str(number) * 20, file=stream)

        threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(sink.getvalue().splitlines()) == sorted([str(n) * 20 for n in range(4)] * 200)
