"""The `.env` files are read as the Firebase CLI reads them."""

from pathlib import Path

import pytest

from embedded_firebase.functions.environment import parse, read_files, set_environment


class TestParse:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("A=1", "1"),
            ("  export A = 1  ", "1"),
            ("A=", ""),
            ("A=one two # three", "one two"),
            ("A='one # two'", "one # two"),
            ('A="one\\ntwo \\"three\\""', 'one\ntwo "three"'),
            ("A='one\\ntwo'", "one\\ntwo"),
            ('A="one\ntwo"', "one\ntwo"),
            ("A=1\r\n", "1"),
            ("A=a=b", "a=b"),
            ("A='", "'"),
        ],
    )
    def test_values(self, text: str, value: str) -> None:
        """Spaces around, quotes, comments and escapes are not part of a value."""
        assert parse(text) == {"A": value}

    def test_many_lines(self) -> None:
        """Comments and empty lines are ignored, and the last of two values wins."""
        assert parse("# first\nA=1\n\n  # second\nB=2\nA=3\n") == {"A": "3", "B": "2"}

    @pytest.mark.parametrize("text", ["A", "A=1\nwhat is this", "lower=1", "PORT=80", "FIREBASE_X=1", "A.B=1"])
    def test_invalid_lines(self, text: str) -> None:
        """A line without a variable, and a reserved or invalid name, are refused."""
        with pytest.raises(ValueError, match=r"is not|is reserved"):
            parse(text)


class TestFiles:
    def test_precedence(self, tmp_path: Path) -> None:
        """`.env.<project>` overrides `.env`, `.env.local` overrides both, and secrets have their own file."""
        (tmp_path / ".env").write_text("A=1\nB=1\nC=1\n")
        (tmp_path / ".env.demo").write_text("B=2\nC=2\n")
        (tmp_path / ".env.other").write_text("A=9\n")
        (tmp_path / ".env.local").write_text("C=3\n")
        (tmp_path / ".secret.local").write_text("D=4\n")
        assert read_files(tmp_path, "demo") == {"A": "1", "B": "2", "C": "3", "D": "4"}

    def test_no_file(self, tmp_path: Path) -> None:
        """A folder without such files sets no variable."""
        assert read_files(tmp_path, "demo") == {}

    def test_an_error_names_its_line(self, tmp_path: Path) -> None:
        """The error names the file and the line."""
        (tmp_path / ".env.local").write_text("A=1\nnonsense\n")
        with pytest.raises(ValueError, match=r"\.env\.local: 'nonsense' is not NAME=value"):
            read_files(tmp_path, "demo")


class TestSetEnvironment:
    @pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
    def test_a_proxy_is_not_used_for_this_machine(self, name: str) -> None:
        """The client that enqueues reaches the host directly; other hosts keep the proxy."""
        environment = {name: "example.com"}
        set_environment(environment, "demo", "127.0.0.1:8080", "127.0.0.1:5001")
        assert environment["CLOUD_TASKS_EMULATOR_HOST"] == "127.0.0.1:5001"
        assert environment["no_proxy"] == "example.com,127.0.0.1"
