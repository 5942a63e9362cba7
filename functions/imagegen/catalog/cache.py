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
        # The numbers of the last load that was begun, and of the last that succeeded.
        self._begun = 0
        self._loaded = 0
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
        """Return a catalog whose load began after this call; waits for a load of another caller, never a stale one.

        Raises:
            Unavailable: it cannot be loaded.
        """
        begun = self._begun
        with self._loading:
            # Of the callers that waited for a load one reloads, and the others use its result.
            if self._begun == begun:
                self._reload()
            if self._loaded <= begun:
                raise Unavailable
            return self._held()

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
        self._begun += 1
        try:
            self._catalog = self._load()
            self._loaded = self._begun
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
