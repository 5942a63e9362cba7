"""Owns the state of a listen target, and which changes its client is sent; must not know streams or storage.

A target is a query or a list of documents. The server keeps the names and update times that the client has been
sent, so that a change is the difference to the current results.
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
    """What a client is sent: added or changed documents, in order, and the names of removed ones."""

    changed: list[Document]
    left: list[str]

    def __bool__(self) -> bool:
        return bool(self.changed or self.left)


@dataclass(eq=False, slots=True)
class Target:
    """What a client listens to: the results of a query, or without one the documents of these names.

    `shown` holds what the client has been sent: update times in microseconds by document name.
    """

    id: int
    database: str
    query: Query | None
    names: tuple[str, ...]
    shown: dict[str, int] = field(default_factory=dict)

    def is_touched(self, changes: Changes) -> bool:
        """Tell whether the results may have changed with these documents."""
        if self.query is not None and self.query.offset:
            # The skipped documents are unknown, so that any removed one may be among them.
            return any(contains(self.query.scope, path) for path in changes)
        return any(path.name in self.shown or self._selects(path, document) for path, document in changes.items())

    @property
    def keys(self) -> Keys:
        """The conflict keys of all writes that may change it."""
        return frozenset(self.names) if self.query is None else frozenset({scope_key(self.query.scope)})

    @property
    def must_be_read(self) -> bool:
        """Whether a change of one document may change whether another is shown, as under a limit."""
        return self.query is not None and (self.query.limit is not None or self.query.offset > 0)

    def follow(self, changes: Changes) -> Difference:
        """Apply commits and return what to send. Not for a target that `must_be_read`."""
        selected = {path.name: document for path, document in changes.items() if self._selects(path, document)}
        gone = {path.name for path in changes} - selected.keys()
        return self._note((document for document in selected.values() if document is not None), gone)

    def show(self, results: Iterable[Document]) -> Difference:
        """Replace the results by the current ones and return what to send."""
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
    """Yield the last content of each document after several commits, in order."""
    merged: dict[DocumentPath, Document | None] = {}
    for changes in commits:
        merged.update(changes)
    yield from merged.items()
