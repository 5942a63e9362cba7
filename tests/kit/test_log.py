"""What a line of the log may contain."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest

from imagegen.kit import log

pytestmark = pytest.mark.pure


class TestLines:
    def test_unsafe_characters_are_escaped(self, capsys: pytest.CaptureFixture[str]) -> None:
        """No control, format, separator or surrogate character is printed, or left for a reader that decodes JSON."""
        unsafe = [
            character
            for character in map(chr, range(sys.maxunicode + 1))
            if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in "\t\n"
        ]
        log.error("".join(unsafe), userId="".join(unsafe))
        (line,) = capsys.readouterr().err.splitlines()
        found = json.loads(line)
        for text in (line, found["message"], found["userId"]):
            assert text.isprintable()
        assert r"\x1b" in found["message"]
        assert r"\u202e" in found["message"]

    @pytest.mark.parametrize("write", [log.info, log.warn, log.error])
    def test_every_severity(self, write: object, capsys: pytest.CaptureFixture[str]) -> None:
        """Each function escapes the message, and the fields of the call."""
        assert callable(write)
        with log.of_call(requestId="a\x85b"):
            write("one\u2028two")
        captured = capsys.readouterr()
        found = json.loads(captured.out + captured.err)
        assert (found["message"], found["requestId"]) == (r"one\u2028two", r"a\x85b")

    def test_lines_and_numbers_stay(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A traceback keeps its lines, within one line of JSON; other values are not changed."""
        log.info("one\n\ttwo é 🦊", count=3)
        (line,) = capsys.readouterr().out.splitlines()
        assert json.loads(line)["message"] == "one\n\ttwo é 🦊"
        assert json.loads(line)["count"] == 3
