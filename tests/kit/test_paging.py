"""Page tokens."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.kit import paging
from imagegen.kit.errors import InvalidRequest

pytestmark = pytest.mark.pure


class TestNumber:
    @pytest.mark.parametrize(("cursor", "number"), [("0", 0), ("7", 7), (str(2**48), 2**48), (str(2**48 + 1), 2**48)])
    def test_is_capped(self, cursor: str, number: int) -> None:
        """A number is capped at 2**48, because Firestore's integers have 64 bits."""
        assert paging.number(cursor) == number

    @pytest.mark.parametrize("cursor", ["", "-1", "1.5", "\u0661", "9" * 16])
    def test_refuses_other_texts(self, cursor: str) -> None:
        """A number has only the digits 0 to 9, and not more of them than 2**48."""
        with pytest.raises(ValueError, match="not a number"):
            paging.number(cursor)


class TestRead:
    @given(st.text(), st.text())
    def test_a_token_holds_its_cursor(self, list_name: str, cursor: str) -> None:
        """Reading a token returns the cursor it was made from."""
        assert paging.read(list_name, paging.make(list_name, cursor), str) == cursor

    def test_without_a_token(self) -> None:
        """The first page has no cursor."""
        assert paging.read("list", None, paging.number) is None

    @pytest.mark.parametrize(
        "token",
        [
            paging.make("another", "7"),
            paging.make("list", "seven"),
            paging.make("list", "-7"),
            paging.make("list", "9" * 40),
            paging.make("list", "7")[:-4],
            base64.urlsafe_b64encode(b"\xff" * 12).decode(),
            "",
            "!",
            "\u00e9",
        ],
    )
    def test_refuses_an_invalid_token(self, token: str) -> None:
        """A token of another list, a mistyped one and a forged one are a violation of the field, never a 500."""
        with pytest.raises(InvalidRequest) as refused:
            paging.read("list", token, paging.number, whose="account")
        (violation,) = refused.value.violations
        assert (violation.field, violation.description) == ("pageToken", "must be a nextPageToken of this account")
