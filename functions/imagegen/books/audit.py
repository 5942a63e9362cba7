"""Owns the nightly audit: the books of all accounts, over several runs if need be, and its result.

Must not know the rules of the books, HTTP nor the schedule.
"""

from __future__ import annotations

from dataclasses import asdict

from imagegen.books import service, store
from imagegen.books.records import Audit
from imagegen.deps import Deps
from imagegen.firebase.retries import Deadline
from imagegen.kit import log
from imagegen.kit.errors import InvalidRequest
from imagegen.kit.fields import camel

_ACCOUNTS_A_PAGE = 100
# The log names so many breaches; the document has more.
_LOGGED = 20


def audit_books(deps: Deps) -> Audit:
    """Verify the books of all accounts, from where the last run stopped, until all are done or the time is used.

    After each page of accounts, figures and position are written together: a run that dies is continued by the next.

    Raises:
        Unavailable: Firestore was not available.
    """
    deadline = Deadline(deps.settings.audit_time_limit_seconds)
    audit = store.read_audit(deps.db)
    if audit is None or audit.ended_at is not None:
        audit = _new(deps)
    while audit.ended_at is None:
        audit = _continued(deps, audit)
        store.write_audit(deps.db, audit)
        if not deadline.allows(0):
            break
    _report(audit)
    return audit


def get_audit(deps: Deps) -> Audit | None:
    """Read the last audit; None if there was none yet.

    Raises:
        Unavailable: Firestore was not available.
    """
    return store.read_audit(deps.db)


def _new(deps: Deps) -> Audit:
    return Audit(started_at=deps.now(), updated_at=deps.now())


def _continued(deps: Deps, audit: Audit) -> Audit:
    try:
        page = service.verify_books(deps, _ACCOUNTS_A_PAGE, audit.page_token)
    except InvalidRequest:
        # The token is of an earlier version, or too old for Firestore.
        log.warn("the position of the last audit is not valid any more; the audit begins again")
        audit = _new(deps)
        page = service.verify_books(deps, _ACCOUNTS_A_PAGE, None)
    return audit.plus(page, deps.now())


def _report(audit: Audit) -> None:
    figures = {camel(name): value for name, value in asdict(audit.figures).items()}
    if audit.breach_count or audit.unverified_count:
        log.error(
            f"audit: {audit.breach_count} breaches, {audit.unverified_count} accounts not verified",
            breaches=[f"{each.kind} {each.user_id} {each.where or ''}".rstrip() for each in audit.breaches[:_LOGGED]],
            unverified=[each.user_id for each in audit.unverified[:_LOGGED]],
            **figures,
        )
    elif audit.ended_at is None:
        log.info("audit: no breach so far; the next run goes on", **figures)
    else:
        log.info("audit: the books balance", **figures)
