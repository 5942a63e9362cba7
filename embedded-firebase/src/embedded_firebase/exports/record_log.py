"""Owns the LevelDB log framing: records cut into checksummed fragments that fill 32 KiB blocks.

Must not know what a record means.

Source: https://github.com/google/leveldb/blob/main/doc/log_format.md
"""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import google_crc32c

from embedded_firebase.exports.errors import ExportError

BLOCK_BYTES = 32 * 1024
_HEADER = struct.Struct("<IHB")  # Masked CRC-32C, length in bytes, fragment type.
_PADDING, _FULL, _FIRST, _MIDDLE, _LAST = range(5)
_TYPE_BY_PLACE = {(True, True): _FULL, (True, False): _FIRST, (False, False): _MIDDLE, (False, True): _LAST}


def frame_records(records: Iterable[bytes]) -> Iterator[bytes]:
    """Yield, piece by piece, the bytes of a log file that holds `records` in their order."""
    room_bytes = BLOCK_BYTES
    for record in records:
        rest, is_first = record, True
        while is_first or rest:
            if room_bytes < _HEADER.size:
                yield bytes(room_bytes)
                room_bytes = BLOCK_BYTES
            body_bytes = room_bytes - _HEADER.size
            fragment, rest = rest[:body_bytes], rest[body_bytes:]
            fragment_type = _TYPE_BY_PLACE[is_first, not rest]
            yield _HEADER.pack(_masked_crc(fragment_type, fragment), len(fragment), fragment_type) + fragment
            room_bytes -= _HEADER.size + len(fragment)
            is_first = False


def read_records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each record of a log file as (byte offset of its first fragment, record).

    Raises:
        ExportError: the file cannot be read, is damaged, or ends inside a record.
    """
    fragments: list[bytes] = []
    record_offset = 0
    for offset, fragment_type, fragment in _read_fragments(path):
        starts = fragment_type in (_FULL, _FIRST)
        if starts and fragments:
            raise ExportError(path, f"the record that starts at byte {record_offset} has no end", offset)
        if not starts and not fragments:
            raise ExportError(path, "a record goes on here that never started", offset)
        if starts:
            record_offset = offset
        fragments.append(fragment)
        if fragment_type in (_FULL, _LAST):
            yield record_offset, b"".join(fragments)
            fragments.clear()
    if fragments:
        raise ExportError(path, "the file ends inside the record that starts here", record_offset)


def _read_fragments(path: Path) -> Iterator[tuple[int, int, bytes]]:
    block_offset = 0
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield from _fragments_of_block(path, block_offset, block)
                block_offset += len(block)
    except OSError as error:
        raise ExportError(path, f"cannot be read: {error.strerror}") from error


def _fragments_of_block(path: Path, block_offset: int, block: bytes) -> Iterator[tuple[int, int, bytes]]:
    position = 0
    while len(block) - position >= _HEADER.size:
        crc, length_bytes, fragment_type = _HEADER.unpack_from(block, position)
        if fragment_type == _PADDING:
            break
        offset, position = block_offset + position, position + _HEADER.size
        fragment = block[position : position + length_bytes]
        if len(fragment) < length_bytes:
            raise ExportError(path, f"a fragment of {length_bytes} bytes is cut off after {len(fragment)}", offset)
        if fragment_type not in _TYPE_BY_PLACE.values():
            raise ExportError(path, f"fragment type {fragment_type} is not known; 1 to 4 are", offset)
        if crc != _masked_crc(fragment_type, fragment):
            raise ExportError(path, "the checksum does not match: the data is damaged", offset)
        yield offset, fragment_type, fragment
        position += length_bytes
    if any(block[position:]):
        raise ExportError(path, "neither a whole fragment nor padding", block_offset + position)


def _masked_crc(fragment_type: int, fragment: bytes) -> int:
    """Mask a CRC as LevelDB does, since the CRC of data that contains CRCs is weak."""
    crc: int = google_crc32c.value(bytes([fragment_type]) + fragment)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
