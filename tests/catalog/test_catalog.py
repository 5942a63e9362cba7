"""The catalog: its entries, how names match, and which entries are left out."""

from copy import deepcopy
from typing import Any

import pytest

from imagegen.catalog.catalog import Catalog, parse
from imagegen.kit.errors import InvalidRequest, Unavailable
from tests.world import CATALOG, refusal

pytestmark = pytest.mark.pure

NAMES: dict[str, object] = {"model": "Model A", "style": "oil painting", "color": "neon", "size": "1024x1024"}


def offered(**changed: dict[str, Any]) -> Catalog:
    """The test catalog with documents added: models={"model-c": {...}}."""
    documents: Any = deepcopy(dict(CATALOG))
    for collection, fields in changed.items():
        documents[collection] |= fields
    return parse(documents, {"model-a", "model-b"})


class TestChoose:
    @pytest.mark.parametrize(
        ("model", "style"),
        [
            ("Model A", "oil painting"),
            ("model-a", "OIL_PAINTING"),
            (" MODEL_a ", "Oil-Painting"),
            ("modela", "oil  painting"),
        ],
    )
    def test_forgives_case_space_hyphen_and_underscore(self, model: str, style: str) -> None:
        """Any spelling of a name finds the canonical id."""
        chosen = offered().choose(NAMES | {"model": model, "style": style})
        assert (chosen.model.item_id, chosen.style.item_id) == ("model-a", "oil-painting")

    def test_price_depends_on_the_size(self) -> None:
        """Only the size decides the price."""
        prices = {}
        for size in ("512x512", "1024x1024", "1024x1792"):
            prices[size] = offered().choose(NAMES | {"size": size}).cost_credits
        assert prices == {"512x512": 1, "1024x1024": 3, "1024x1792": 4}

    def test_lists_what_is_allowed_for_each_bad_name(self) -> None:
        """Each unknown or missing name is one violation that lists the allowed names."""
        with pytest.raises(InvalidRequest) as refused:
            offered().choose({"model": "Model Z", "color": 7, "size": "1x1", "style": "anime"})
        assert refusal(refused) == {
            "model": "must be one of: Model A, Model B",
            "color": "must be one of: neon, vintage",
            "size": "must be one of: 1024x1024, 1024x1792, 512x512",
        }


class TestParse:
    def test_leaves_out_what_is_disabled(self) -> None:
        """A disabled entry is not offered."""
        catalog = offered(models={"model-b": {"name": "Model B", "enabled": False}})
        with pytest.raises(InvalidRequest):
            catalog.choose(NAMES | {"model": "Model B"})

    def test_offers_a_new_model_of_a_known_provider(self) -> None:
        """A model can be added in Firestore alone, when its document names a provider that the code has."""
        catalog = offered(models={"model-c": {"name": "Model C", "provider": "model-a"}})
        chosen = catalog.choose(NAMES | {"model": "model c"})
        assert (chosen.model.item_id, chosen.provider) == ("model-c", "model-a")

    @pytest.mark.parametrize("credits", [0, -3, 1.5, "3", True, None])
    def test_leaves_out_a_size_without_a_proper_price(self, credits: object) -> None:
        """A size that is free, negative or not a whole number of credits is not sold."""
        catalog = offered(sizes={"512x512": {"name": "512x512", "credits": credits}})
        with pytest.raises(InvalidRequest):
            catalog.choose(NAMES | {"size": "512x512"})

    def test_leaves_out_a_model_without_a_provider(self) -> None:
        """A model whose provider is unknown is not sold."""
        with pytest.raises(InvalidRequest):
            offered(models={"model-c": {}}).choose(NAMES | {"model": "model-c"})

    def test_refuses_a_catalog_with_an_empty_collection(self) -> None:
        """A catalog without any model is an error."""
        with pytest.raises(Unavailable):
            parse(dict(CATALOG) | {"models": {}}, {"model-a"})
