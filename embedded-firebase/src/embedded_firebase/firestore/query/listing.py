"""Owns the translation of ListDocuments to a query, and its page tokens; must not know who carries it out."""

from __future__ import annotations

from dataclasses import replace

from embedded_firebase.firestore.errors import invalid
from embedded_firebase.firestore.messages import Document, ListDocumentsRequest, StructuredQuery
from embedded_firebase.firestore.query import query
from embedded_firebase.firestore.query.query import Bound, Query


def parse(request: ListDocumentsRequest, size: int) -> Query:
    """Return the query for one page of `size` documents and the first of the next.

    Raises:
        EmulatorError: INVALID_ARGUMENT, naming the field and what is allowed.
    """
    if request.show_missing and (request.order_by or not request.collection_id):
        raise invalid("show_missing needs a collection_id and no order_by.")
    asked = request.page_size or None
    parsed = replace(query.parse(request.parent, _message(request)), limit=size + 1, asked_limit=asked)
    if not request.page_token:
        return parsed
    try:
        key = tuple(map(bytes.fromhex, request.page_token.split(".")))
    except ValueError:
        key = ()
    if len(key) != len(parsed.orders):
        raise invalid("page_token is not one that this server gave for this request.")
    return replace(parsed, start=Bound(key, before=False))


def page_token(parsed: Query, last: Document) -> str:
    """Return the token of the page after a document; it stays valid when other documents are added or deleted."""
    key = query.sort_key(parsed.orders, last)
    assert key is not None, "a result has every field that it is sorted by"
    return ".".join(part.hex() for part in key)


def _message(request: ListDocumentsRequest) -> StructuredQuery:
    """Return the request as a query; `order_by` has the form `a desc, b`."""
    listed = StructuredQuery()
    listed.from_.add(collection_id=request.collection_id)
    for part in filter(None, (part.strip() for part in request.order_by.split(","))):
        field_path, _, direction = part.partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise invalid(f'order_by "{part}" must be a field path, then "asc", "desc" or nothing.')
        listed.order_by.add(field={"field_path": field_path}, direction=2 if direction.strip().lower() == "desc" else 1)
    return listed
