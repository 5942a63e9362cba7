"""What is on offer, how it is named, and how long it is remembered."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest
from imagegen.catalog import Catalog, CatalogCache, parse
from imagegen.errors import InvalidRequest, Unavailable

from tests.world import CATALOG, Clock, refusal

NAMES: dict[str, object] = {"model": "Model A", "style": "oil painting", "color": "neon", "size": "1024x1024"}


def offered(**changed: dict[str, Any]) -> Catalog:
    """The test catalog with documents put in: models={"model-c": {...}}."""
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
        """However a name is spelled, what is found is the canonical id."""
        chosen = offered().choose(NAMES | {"model": model, "style": style})
        assert (chosen.model.item_id, chosen.style.item_id) == ("model-a", "oil-painting")

    def test_price_depends_on_the_size(self) -> None:
        """The size alone sets the price."""
        prices = {}
        for size in ("512x512", "1024x1024", "1024x1792"):
            prices[size] = offered().choose(NAMES | {"size": size}).cost_credits
        assert prices == {"512x512": 1, "1024x1024": 3, "1024x1792": 4}

    def test_says_for_each_bad_name_what_is_allowed(self) -> None:
        """Each unknown or missing name is one violation that lists what is on offer."""
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

    def test_leaves_out_a_model_that_nothing_draws(self) -> None:
        """A model whose provider is unknown is not sold."""
        with pytest.raises(InvalidRequest):
            offered(models={"model-c": {}}).choose(NAMES | {"model": "model-c"})

    def test_refuses_a_catalog_with_an_empty_collection(self) -> None:
        """A catalog without any model is no catalog."""
        with pytest.raises(Unavailable):
            parse(dict(CATALOG) | {"models": {}}, {"model-a"})


class Loads:
    """A loader that counts, and fails while it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = False

    def __call__(self) -> Catalog:
        self.count += 1
        if self.fails:
            raise Unavailable
        return offered()


class Counted:
    """A lock that tells when nine wait for it."""

    def __init__(self, lock: threading.Lock) -> None:
        self.lock = lock
        self.nine = threading.Event()
        self.numbers = itertools.count(1)

    def acquire(self, *, blocking: bool) -> bool:
        if next(self.numbers) == 9:
            self.nine.set()
        return self.lock.acquire(blocking)

    def release(self) -> None:
        self.lock.release()


class TestCatalogCache:
    def test_is_loaded_once_in_its_lifetime(self) -> None:
        """The catalog is read again only when its lifetime is over."""
        clock, load = Clock(), Loads()
        cache = CatalogCache(load, clock, 30)
        first = cache.current()
        clock.advance(seconds=29)
        assert cache.current() is first
        clock.advance(seconds=1)
        assert cache.current() is not first
        assert load.count == 2

    def test_is_loaded_once_however_many_wait(self) -> None:
        """Twenty callers that find nothing cause one load, and all get what it brought."""
        entered, release, load = threading.Event(), threading.Event(), Loads()

        def slow() -> Catalog:
            entered.set()
            release.wait(5)
            return load()

        cache = CatalogCache(slow, Clock(), 30)
        got: list[Catalog] = []
        threads = [threading.Thread(target=lambda: got.append(cache.current())) for _ in range(20)]
        for thread in threads:
            thread.start()
        assert entered.wait(5)
        release.set()
        for thread in threads:
            thread.join(5)
        assert (load.count, len(got), len(set(map(id, got)))) == (1, 20, 1)

    def test_serves_the_old_while_one_caller_reloads(self) -> None:
        """A caller that comes during a reload is not kept waiting."""
        clock = Clock()
        entered, release = threading.Event(), threading.Event()
        release.set()

        def load() -> Catalog:
            entered.set()
            release.wait(5)
            return offered()

        cache = CatalogCache(load, clock, 30)
        first = cache.current()
        clock.advance(seconds=31)
        entered.clear()
        release.clear()
        reloading = threading.Thread(target=cache.current)
        reloading.start()
        assert entered.wait(5)
        assert cache.current() is first
        release.set()
        reloading.join(5)
        assert cache.current() is not first

    def test_is_kept_when_a_reload_fails(self) -> None:
        """While Firestore is away the old catalog goes on, and is not asked for with every request."""
        clock, load = Clock(), Loads()
        cache = CatalogCache(load, clock, 30)
        first = cache.current()
        load.fails = True
        clock.advance(seconds=31)
        assert cache.current() is first
        assert cache.current() is first
        assert load.count == 2
        load.fails = False
        clock.advance(seconds=5)
        assert cache.current() is not first

    def test_is_kept_whatever_the_failure(self) -> None:
        """Losing the right to read is no reason to stop selling."""
        clock, failures = Clock(), [None, PermissionError("revoked")]

        def load() -> Catalog:
            failure = failures.pop(0)
            if failure:
                raise failure
            return offered()

        cache = CatalogCache(load, clock, 30)
        first = cache.current()
        clock.advance(seconds=31)
        assert cache.current() is first

    def test_a_clock_set_back_makes_it_stale(self) -> None:
        """A catalog that seems to be of the future is loaded again."""
        clock, load = Clock(), Loads()
        cache = CatalogCache(load, clock, 30)
        cache.current()
        clock.advance(days=-1)
        cache.current()
        assert load.count == 2

    def test_whoever_waited_for_a_failed_load_shares_it(self) -> None:
        """Ten callers that wait for one load that fails are all refused by it, and none loads again by itself."""
        entered, release, load = threading.Event(), threading.Event(), Loads()
        load.fails = True

        def slow() -> Catalog:
            entered.set()
            release.wait(5)
            return load()

        cache = CatalogCache(slow, Clock(), 30)
        with ThreadPoolExecutor(10) as callers:
            first = callers.submit(cache.current)
            assert entered.wait(5)
            cache._loading = waiting = Counted(cache._loading)  # type: ignore[assignment]
            others = [callers.submit(cache.current) for _ in range(9)]
            assert waiting.nine.wait(5)
            release.set()
            refused = [isinstance(call.exception(5), Unavailable) for call in [first, *others]]
        assert (refused, load.count) == ([True] * 10, 1)

    def test_a_failure_is_never_cached(self) -> None:
        """A first load that fails is a 503, and the next request tries again."""
        load = Loads()
        load.fails = True
        cache = CatalogCache(load, Clock(), 30)
        with pytest.raises(Unavailable):
            cache.current()
        load.fails = False
        assert cache.current().choose(NAMES).cost_credits == 3
