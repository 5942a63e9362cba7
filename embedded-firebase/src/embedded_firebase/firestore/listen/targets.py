"""Owns what a listen target shows, and which changes its client must hear of; must not know of streams or of storage.

A target is a query or a list of documents. The server remembers of each what its client has been told, by name and
update time, so that a change is the difference between that and the present.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from embedded_firebase.firestore.messages import Document
from embedded_firebase.firestore.query import query as queries
from embedded_firebase.firestore.query.changes import Changes, contains
from embedded_firebase.firestore.query.query import Query
from embedded_firebase.firestore.transactions.keys import scope_key
from embedded_firebase.firestore.transactions.turns import Keys
from embedded_firebase.firestore.values.paths import DocumentPath
from embedded_firebase.firestore.values.timestamps import to_micros


@dataclass(frozen=True, slots=True)
class Difference:
    """What a client must hear: documents that came or changed, in order, and the names of those that left."""

    changed: list[Document]
    left: list[str]

    def __bool__(self) -> bool:
        return bool(self.changed or self.left)


@dataclass(eq=False, slots=True)
class Target:
    """What a client listens to: the results of a query, or without one the documents of these names.

    `shown` holds what the client has been told: the update times in microseconds by document name.
    """

    id: int
    database: str
    query: Query | None
    names: tuple[str, ...]
    shown: dict[str, int] = field(default_factory=dict)

    def is_touched(self, changes: Changes) -> bool:
        """Tell whether the results may have changed with these documents."""
        if self.query is not None and self.query.offset:
            # It is not known which documents the offset skips, so that any that leaves may be one of them.
            return any(contains(self.query.scope, path) for path in changes)
        return any(path.name in self.shown or self._selects(path, document) for path, document in changes.items())

    @property
    def keys(self) -> Keys:
        """The keys of all writes that it may have to hear of."""
        return frozenset(self.names) if self.query is None else frozenset({scope_key(self.query.scope)})

    @property
    def must_be_read(self) -> bool:
        """Whether a change of one document may change whether another is shown, as under a limit."""
        return self.query is not None and (self.query.limit is not None or self.query.offset > 0)

    def follow(self, changes: Changes) -> Difference:
        """Note what commits changed, and return what the client must hear. Not for one that `must_be_read`."""
        selected = {path.name: document for path, document in changes.items() if self._selects(path, document)}
        gone = {path.name for path in changes} - selected.keys()
        return self._note((document for document in selected.values() if document is not None), gone)

    def show(self, results: Iterable[Document]) -> Difference:
        """Note all the results there are now, and return what the client must hear."""
        found = list(results)
        return self._note(found, self.shown.keys() - {document.name for document in found})

    def visible(self, document: Document) -> Document:
        """Return what the target shows of a document."""
        return document if self.query is None else queries.project(document, self.query.projection)

    def _note(self, present: Iterable[Document], absent: Iterable[str]) -> Difference:
        changed = [document for document in present if self._is_news(document)]
        return Difference(changed, sorted(name for name in absent if self.shown.pop(name, None) is not None))

    def _is_news(self, document: Document) -> bool:
        update_time = to_micros(document.update_time)
        known = self.shown.get(document.name)
        self.shown[document.name] = update_time
        return known != update_time

    def _selects(self, path: DocumentPath, document: Document | None) -> bool:
        if document is None:
            return False
        if self.query is None:
            return path.name in self.names
        return contains(self.query.scope, path) and queries.selects(self.query, document)


def latest(commits: Iterable[Changes]) -> Iterator[tuple[DocumentPath, Document | None]]:
    """Yield what several commits, in order, have made of each document in the end."""
    merged: dict[DocumentPath, Document | None] = {}
    for changes in commits:
        merged.update(changes)
    yield from merged.items()
