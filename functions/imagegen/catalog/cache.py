"""Owns the in-memory cache of the catalog: a short TTL, stale-while-revalidate, single flight.

Must not know where the catalog is loaded from.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from imagegen.catalog.catalog import Catalog
from imagegen.kit import log
from imagegen.kit.errors import Unavailable

_RETRY_AFTER_FAILURE = timedelta(seconds=5)


class CatalogCache:
    """A cached catalog: one load for all waiting callers; after a failed reload the stale catalog is used."""

    def __init__(self, load: Callable[[], Catalog], now: Callable[[], datetime], lifetime_seconds: int) -> None:
        self._load = load
        self._now = now
        self._lifetime = timedelta(seconds=lifetime_seconds)
        self._loading = threading.Lock()
        self._loads = 0
        self._catalog: Catalog | None = None
        self._reload_tried_at: datetime | None = None
        self._stale_at: datetime | None = None

    def current(self) -> Catalog:
        """Return the cached catalog; load it first if there is none, reload it if it is stale.

        Raises:
            Unavailable: there is no cached catalog, and it cannot be loaded.
        """
        if self._is_fresh():
            return self._held()
        loads = self._loads
        # Stale-while-revalidate, single flight: one caller reloads, the others use the stale catalog. They wait only if
        # there is none.
        if not self._loading.acquire(blocking=self._catalog is None):
            return self._held()
        try:
            # A caller that waited uses the result of that load, even if it failed.
            if loads == self._loads:
                self._reload()
            return self._held()
        finally:
            self._loading.release()

    def reloaded(self) -> Catalog:
        """Return the catalog after a reload; the stale one if the reload fails or another caller is reloading.

        Raises:
            Unavailable: there is no cached catalog, and it cannot be loaded.
        """
        self._stale_at = None
        return self.current()

    def _is_fresh(self) -> bool:
        # The lower bound is for a clock that is set back.
        return (
            self._reload_tried_at is not None
            and self._stale_at is not None
            and self._reload_tried_at <= self._now() < self._stale_at
        )

    def _held(self) -> Catalog:
        if self._catalog is None:
            raise Unavailable
        return self._catalog

    def _reload(self) -> None:
        lifetime = self._lifetime
        try:
            self._catalog = self._load()
        except Exception as error:  # Any error: a stale catalog is better than none.
            log.error(f"the catalog cannot be loaded: {error}")
            if self._catalog is None:
                raise
            # Back-off: otherwise every request would wait for a Firestore that is not available.
            lifetime = _RETRY_AFTER_FAILURE
        finally:
            self._loads += 1
        self._reload_tried_at = self._now()
        self._stale_at = self._reload_tried_at + lifetime
