"""Owns the short cache of the catalog: stale-while-revalidate, single flight.

Must not know what loads it.
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
    """The catalog as of a short while ago: loaded once however many wait, kept when a reload fails, never empty."""

    def __init__(self, load: Callable[[], Catalog], now: Callable[[], datetime], lifetime_seconds: int) -> None:
        self._load = load
        self._now = now
        self._lifetime = timedelta(seconds=lifetime_seconds)
        self._loading = threading.Lock()
        self._loads = 0
        self._catalog: Catalog | None = None
        self._asked_at: datetime | None = None
        self._stale_at: datetime | None = None

    def current(self) -> Catalog:
        """Return the catalog, loading it when it is stale.

        Raises:
            Unavailable: it was never loaded and cannot be now.
        """
        if self._is_fresh():
            return self._held()
        loads = self._loads
        # With something to show, one caller reloads and the others go on with what there is.
        if not self._loading.acquire(blocking=self._catalog is None):
            return self._held()
        try:
            # Whoever waited takes what the load brought, also if that is nothing.
            if loads == self._loads:
                self._reload()
            return self._held()
        finally:
            self._loading.release()

    def reloaded(self) -> Catalog:
        """Return the catalog as it is now, unless that cannot be had.

        Raises:
            Unavailable: it was never loaded and cannot be now.
        """
        self._stale_at = None
        return self.current()

    def _is_fresh(self) -> bool:
        # From both sides, since a clock can be set back.
        return (
            self._asked_at is not None and self._stale_at is not None and self._asked_at <= self._now() < self._stale_at
        )

    def _held(self) -> Catalog:
        if self._catalog is None:
            raise Unavailable
        return self._catalog

    def _reload(self) -> None:
        lifetime = self._lifetime
        try:
            self._catalog = self._load()
        except Exception as error:  # Whatever it is, an old catalog is better than none.
            log.error(f"the catalog cannot be loaded: {error}")
            if self._catalog is None:
                raise
            # Not at once again, or every request would wait for a Firestore that is away.
            lifetime = _RETRY_AFTER_FAILURE
        finally:
            self._loads += 1
        self._asked_at = self._now()
        self._stale_at = self._asked_at + lifetime
