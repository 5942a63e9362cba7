"""The cache of the catalog."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from imagegen.catalog.cache import CatalogCache
from imagegen.catalog.catalog import Catalog
from imagegen.kit.errors import Unavailable
from tests.catalog.test_catalog import NAMES, offered
from tests.world import Clock

pytestmark = pytest.mark.pure


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
