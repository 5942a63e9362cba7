"""The bounds of a request's fields, at both sides."""

import pytest
from pydantic_core import ValidationError

from imagegen.generations.schemas import CreateGenerationRequest

pytestmark = pytest.mark.pure
FIELDS = {"userId": "ada", "model": "m", "style": "s", "color": "c", "size": "z", "prompt": "a fox"}


def accepts(**changed: str) -> bool:
    try:
        CreateGenerationRequest.model_validate(FIELDS | changed)
    except ValidationError:
        return False
    return True


class TestBounds:
    @pytest.mark.parametrize(
        ("field", "characters"), [("userId", 128), ("prompt", 2000), *((name, 100) for name in ("model", "size"))]
    )
    def test_of_texts(self, field: str, characters: int) -> None:
        """A text has at most so many characters."""
        assert accepts(**{field: "x" * characters})
        assert not accepts(**{field: "x" * (characters + 1)})

    def test_of_a_webhook_url(self) -> None:
        """A webhook's URL has at most 2,048 characters."""
        assert accepts(webhookUrl="https://example.com/".ljust(2048, "x"))
        assert not accepts(webhookUrl="https://example.com/".ljust(2049, "x"))
