"""Owns the error of a bad export; must not know what an export holds."""

from pathlib import Path


class ExportError(Exception):
    """An export that cannot be read: names the file, the byte at fault where there is one, and what is wrong."""

    def __init__(self, file: Path, reason: str, offset: int | None = None) -> None:
        place = f"{file}" if offset is None else f"{file}, byte {offset}"
        super().__init__(f"{place}: {reason}")
        self.file = file
        self.offset = offset
