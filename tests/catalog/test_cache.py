"""The catalog cache: stale-while-revalidate, single flight."""

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
    """A loader that counts its calls, and fails while `fails` is set."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = False

    def __call__(self) -> Catalog:
        self.count += 1
        if self.fails:
            raise Unavailable
        return offered()


class Counted:
    """A lock that signals when nine threads wait for it."""

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
        """The catalog is read again only after its lifetime."""
        clock, load = Clock(), Loads()
        cache = CatalogCache(load, clock, 30)
        first = cache.current()
        clock.advance(seconds=29)
        assert cache.current() is first
        clock.advance(seconds=1)
        assert cache.current() is not first
        assert load.count == 2

    def test_concurrent_first_callers_cause_one_load(self) -> None:
        """Twenty callers of an empty cache cause one load and all get its result."""
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

    def test_serves_the_stale_catalog_while_one_caller_reloads(self) -> None:
        """A caller during a reload does not wait (stale-while-revalidate)."""
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
        """While Firestore is unavailable the old catalog is served, and not every request tries to reload."""
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

    def test_is_kept_after_any_failure(self) -> None:
        """Lost read permission does not stop sales either."""
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
        """A catalog whose load time is in the future is loaded again."""
        clock, load = Clock(), Loads()
        cache = CatalogCache(load, clock, 30)
        cache.current()
        clock.advance(days=-1)
        cache.current()
        assert load.count == 2

    def test_waiters_share_a_failed_load(self) -> None:
        """Ten callers that wait for one load that fails all get its error, and none starts another load."""
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
        """A first load that fails is a 503, and the next request loads again."""
        load = Loads()
        load.fails = True
        cache = CatalogCache(load, Clock(), 30)
        with pytest.raises(Unavailable):
            cache.current()
        load.fails = False
        assert cache.current().choose(NAMES).cost_credits == 3


class TestReloaded:
    def test_is_never_stale(self) -> None:
        """A reload does not return the cached catalog, whether it is fresh or not."""
        load = Loads()
        cache = CatalogCache(load, Clock(), 30)
        first = cache.current()
        assert cache.reloaded() is not first
        assert cache.reloaded() is cache.current()

    def test_a_failure_is_no_catalog(self) -> None:
        """A reload that fails is an error; the stale catalog is still there for other callers."""
        load = Loads()
        cache = CatalogCache(load, Clock(), 30)
        first = cache.current()
        load.fails = True
        with pytest.raises(Unavailable):
            cache.reloaded()
        assert cache.current() is first

    def test_callers_that_wait_share_a_load(self) -> None:
        """Callers that wait for a load do not use it, because it may be older; they share the next one."""
        begun, go_on = threading.Event(), threading.Event()
        loads = itertools.count(1)

        def load() -> Catalog:
            if next(loads) == 2:
                begun.set()
                go_on.wait(10)
            return offered()

        cache = CatalogCache(load, Clock(), 30)
        cache.current()
        waiting = _Waiting(cache._loading)
        with ThreadPoolExecutor(5) as pool:
            first = pool.submit(cache.reloaded)
            assert begun.wait(10)
            cache._loading = waiting  # type: ignore[assignment]
            others = [pool.submit(cache.reloaded) for _ in range(4)]
            assert waiting.all_four.wait(10)
            go_on.set()
            catalogs = {id(other.result()) for other in others}
        assert len(catalogs) == 1
        assert id(first.result()) not in catalogs
        assert next(loads) == 4


class _Waiting:
    """A lock that signals when four threads ask for it."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._numbers = itertools.count(1)
        self.all_four = threading.Event()

    def __enter__(self) -> None:
        if next(self._numbers) == 4:
            self.all_four.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
