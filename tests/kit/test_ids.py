"""Which texts are ids, and how much chance is in a new one."""

from __future__ import annotations

import json
import re
import sys
import unicodedata

import pytest

from imagegen.kit import ids
from imagegen.kit.idempotency import id_of

pytestmark = pytest.mark.pure


class TestIsDocumentId:
    def test_invisible_characters(self) -> None:
        """No control, format or separator character of Unicode is part of an id, and every letter may be."""
        for character in map(chr, range(sys.maxunicode + 1)):
            category = unicodedata.category(character)
            if category in {"Cc", "Cf", "Zl", "Zp"}:
                assert not ids.is_document_id(f"a{character}"), hex(ord(character))
            elif category in {"Ll", "Lu", "Lo", "Nd", "So"}:
                assert ids.is_document_id(f"a{character}"), hex(ord(character))

    def test_length(self) -> None:
        """An id has 1 to 128 characters."""
        assert ids.is_document_id("x")
        assert ids.is_document_id("x" * 128)
        assert not ids.is_document_id("")
        assert not ids.is_document_id("x" * 129)

    def test_the_pattern_is_valid_in_javascript(self) -> None:
        """It has only escapes that a `u` pattern of JavaScript knows, and survives JSON."""
        escapes = set(re.findall(r"\\[^xu]", ids.DOCUMENT_ID_PATTERN))
        assert escapes == {r"\."}
        assert json.loads(json.dumps(ids.DOCUMENT_ID_PATTERN)) == ids.DOCUMENT_ID_PATTERN


class TestNewId:
    def test_has_128_bits(self) -> None:
        """Ids have 32 hexadecimal digits, all of which vary: one id in 2^122 collides."""
        found = [ids.new_id() for _ in range(200)]
        assert all(re.fullmatch(r"[0-9a-f]{32}", new) for new in found)
        # 200 random values vary each digit, except the version of a UUID, at 12.
        assert [place for place in range(32) if len({new[place] for new in found}) == 1] == [12]


class TestIdOf:
    def test_has_128_bits(self) -> None:
        """An id that derives from a key has 32 hexadecimal digits, all of which vary."""
        found = [id_of("ada", f"key {number}") for number in range(200)]
        assert all(re.fullmatch(r"[0-9a-f]{32}", derived) for derived in found)
        assert all(len({derived[place] for derived in found}) > 4 for place in range(32))

    def test_is_unambiguous(self) -> None:
        """Each pair of account and key has its own id, which is always the same."""
        pairs = [("a", "b/c"), ("a/b", "c"), ("1/a", "b"), ("a", "b"), ("b", "a"), ("", "1/a/b"), ("ab", ""), ("a", "")]
        assert len({id_of(*pair) for pair in pairs}) == len(pairs)
        assert id_of("ada", "key") == "054fc8d4c961c7bde79f2aa77a3c7c44"
