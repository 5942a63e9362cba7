"""Owns pictures as frozen values: their bytes or their URLs. Must not know how they are stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Image:
    """The URL of a finished picture, in 1 to 2,048 printable ASCII characters."""

    url: str

    def __post_init__(self) -> None:
        if not (
            isinstance(self.url, str) and 1 <= len(self.url) <= 2048 and self.url.isascii() and self.url.isprintable()
        ):
            raise ValueError("an image URL must be 1 to 2,048 printable ASCII characters")


@dataclass(frozen=True)
class Picture:
    """The bytes of a finished picture, a PNG, from a model that does not host its pictures."""

    content: bytes
    media_type: str = "image/png"

    def __post_init__(self) -> None:
        if self.media_type != "image/png" or not self.content.startswith(b"\x89PNG\r\n\x1a\n"):
            raise ValueError(f"a picture must be a PNG; this is {self.media_type}, {len(self.content)} bytes")
