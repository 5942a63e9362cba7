"""Owns pictures as frozen values: their bytes, and where they are kept. Must not know how they are stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Image:
    """A finished picture: where it can be fetched, in 1 to 2,048 printable ASCII characters."""

    url: str

    def __post_init__(self) -> None:
        if not (
            isinstance(self.url, str) and 1 <= len(self.url) <= 2048 and self.url.isascii() and self.url.isprintable()
        ):
            raise ValueError("an image URL has 1 to 2,048 printable ASCII characters")


@dataclass(frozen=True)
class Picture:
    """A finished picture itself, a PNG, of a model that does not host what it draws."""

    content: bytes
    media_type: str = "image/png"

    def __post_init__(self) -> None:
        if self.media_type != "image/png" or not self.content.startswith(b"\x89PNG\r\n\x1a\n"):
            raise ValueError(f"a picture is a PNG; this is {self.media_type}, {len(self.content)} bytes")
