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
        documents[collection] = documents.get(collection, {}) | fields
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
        """A model can be added in Firestore alone, when its settings name a provider that the code has."""
        catalog = offered(
            models={"model-c": {"name": "Model C"}},
            modelSettings={"model-c": {"provider": "model-a", "failureRate": 1}},
        )
        chosen = catalog.choose(NAMES | {"model": "model c"})
        assert (chosen.model.item_id, chosen.provider, chosen.model.settings["failureRate"]) == (
            "model-c",
            "model-a",
            1,
        )

    def test_settings_in_the_models_own_document(self) -> None:
        """An older catalog has the settings in the model's document; those of `modelSettings` win."""
        older = {"model-c": {"name": "Model C", "provider": "model-a", "failureRate": 1}}
        chosen = offered(models=older).choose(NAMES | {"model": "model c"})
        assert (chosen.provider, chosen.model.settings["failureRate"]) == ("model-a", 1)
        moved = offered(models=older, modelSettings={"model-c": {"provider": "model-b"}})
        chosen = moved.choose(NAMES | {"model": "model c"})
        assert (chosen.provider, chosen.model.settings["failureRate"]) == ("model-b", 1)

    def test_settings_do_not_offer(self) -> None:
        """Only a model's own document says what it is called and whether it is on offer."""
        catalog = offered(
            models={"model-b": {"name": "Model B", "enabled": False}},
            modelSettings={"model-b": {"enabled": True, "name": "Another"}, "model-z": {"provider": "model-a"}},
        )
        for name in ("model-b", "Another", "model-z"):
            assert catalog.find("model", name) is None

    def test_settings_are_of_models_alone(self) -> None:
        """A size with the id of a model does not take its settings."""
        catalog = offered(
            sizes={"model-a": {"name": "Tiny", "credits": 1}}, modelSettings={"model-a": {"credits": 0, "width": 8}}
        )
        assert catalog.choose(NAMES | {"size": "Tiny"}).cost_credits == 1

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
