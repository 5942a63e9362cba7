"""Which texts are URLs of pictures."""

import pytest

from imagegen.images.records import Image

pytestmark = pytest.mark.pure
ORIGIN = "https://images.example.com/"


class TestImage:
    def test_length(self) -> None:
        """A URL has 1 to 2,048 characters."""
        Image("x")
        Image(ORIGIN.ljust(2048, "x"))
        for url in ("", ORIGIN.ljust(2049, "x")):
            with pytest.raises(ValueError, match="must be 1 to 2,048 printable ASCII characters"):
                Image(url)

    @pytest.mark.parametrize("url", [f"{ORIGIN}é", f"{ORIGIN}\n", f"{ORIGIN}\x7f", None, b"https"])
    def test_characters(self, url: str) -> None:
        """A URL is a text of printable ASCII characters."""
        with pytest.raises(ValueError, match="must be 1 to 2,048 printable ASCII characters"):
            Image(url)
