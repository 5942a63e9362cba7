"""Owns the rules of an account's books, and the kinds of breaches.

Pure: works on the stored fields, also if they are corrupt. Must not know Firestore, the clock, or how to repair books.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from imagegen.credits.records import EntryType
from imagegen.generations.records import GenerationStatus

Fields = Mapping[str, Any]
# Longer than the queue's time limit, the lease of the last attempt and several runs of reconcile.
_MAX_PENDING = timedelta(hours=2)
_REFUNDED = (GenerationStatus.FAILED, GenerationStatus.CANCELLED)


class BreachKind(StrEnum):
    """The kinds of breaches; stable, because alerts depend on them."""

    CORRUPT_DOCUMENT = "CORRUPT_DOCUMENT"
    ACCOUNT_MISSING = "ACCOUNT_MISSING"
    BALANCE_WRONG = "BALANCE_WRONG"
    BALANCE_NEGATIVE = "BALANCE_NEGATIVE"
    LEDGER_COUNT_WRONG = "LEDGER_COUNT_WRONG"
    SEQUENCE_BROKEN = "SEQUENCE_BROKEN"
    CHAIN_BROKEN = "CHAIN_BROKEN"
    ENTRY_ID_WRONG = "ENTRY_ID_WRONG"
    ENTRY_REPEATED = "ENTRY_REPEATED"
    GENERATION_MISSING = "GENERATION_MISSING"
    DEDUCTION_WRONG = "DEDUCTION_WRONG"
    REFUND_WRONG = "REFUND_WRONG"
    REVOCATION_WRONG = "REVOCATION_WRONG"
    STATUS_INCONSISTENT = "STATUS_INCONSISTENT"
    NEVER_ENDED = "NEVER_ENDED"


@dataclass(frozen=True)
class Breach:
    """One breach in the books of an account; `where` is an entry or a generation, None for the account itself."""

    kind: BreachKind
    user_id: str
    where: str | None
    message: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Numbers of checked documents, and sums of credits; a corrupt value counts as 0 credits."""

    accounts: int = 0
    entries: int = 0
    generations: int = 0
    overdue: int = 0
    opened_credits: int = 0
    granted_credits: int = 0
    deducted_credits: int = 0
    refunded_credits: int = 0
    revoked_credits: int = 0
    held_credits: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})


def tally(
    account: Fields | None, entries: Mapping[str, Fields], generations: Mapping[str, Fields], now: datetime
) -> Figures:
    """Return the figures of one account; `overdue` counts pending generations whose lease has expired."""

    def total(entry_type: EntryType) -> int:
        return sum(_credits(entry.get("credits")) for entry in entries.values() if entry.get("type") == entry_type)

    return Figures(
        accounts=int(account is not None),
        entries=len(entries),
        generations=len(generations),
        overdue=sum(_is_overdue(generation, now) for generation in generations.values()),
        opened_credits=_credits(_opening(account or {})),
        granted_credits=total(EntryType.GRANT),
        deducted_credits=total(EntryType.DEDUCTION),
        refunded_credits=total(EntryType.REFUND),
        revoked_credits=total(EntryType.REVOCATION),
        held_credits=_credits((account or {}).get("credits")),
    )


def check(
    user_id: str,
    account: Fields | None,
    entries: Mapping[str, Fields],
    generations: Mapping[str, Fields],
    now: datetime,
) -> list[Breach]:
    """Return all breaches of one account, from its stored ledger entries and generations by id."""
    if account is None and not entries and not generations:
        return []
    found = [
        *_entries(entries),
        *_revocations(entries, entries),
        *_generations(entries, generations),
        *_stuck(generations, now),
    ]
    if account is None:
        found.append(_NO_ACCOUNT)
    else:
        usable = [(entry_id, entry) for entry_id, entry in entries.items() if is_ordered(entry)]
        chain, _ = _chain(account, sorted(usable, key=lambda item: item[1]["sequence"]), Running())
        found += [*_account(account, len(entries), sum(map(_signed, entries.values()))), *chain]
    return _breaches(user_id, found)


@dataclass(frozen=True, kw_only=True)
class Running:
    """What is known of a ledger after some of its entries; `balance` is by the last of them, None before the first."""

    entries: int = 0
    signed_credits: int = 0
    balance: int | None = None


def check_ledger_page(
    user_id: str,
    account: Fields | None,
    entries: Sequence[tuple[str, Fields]],
    earlier_grants: Mapping[str, Fields],
    running: Running,
) -> tuple[list[Breach], Running]:
    """Return the breaches of some entries, in the order of their sequence, and what is known after them.

    `earlier_grants` are those of `grants_revoked_by`, and `running` is what is known of the entries before. Which
    generations the entries name is not checked here.
    """
    chain, running = _chain(account or {}, entries, running)
    found = [*_entries(dict(entries)), *_revocations(dict(entries), {**earlier_grants, **dict(entries)})]
    return _breaches(user_id, [*found, *(chain if account is not None else [])]), running


def grants_revoked_by(entries: Mapping[str, Fields]) -> list[str]:
    """Return the ids of the grants that these entries revoke and that are not among them."""
    revoked = (_grant_of(entry_id) for entry_id, entry in entries.items() if entry.get("type") == EntryType.REVOCATION)
    return [grant_id for grant_id in revoked if grant_id not in entries]


def check_ledger_end(user_id: str, account: Fields | None, count: int, running: Running) -> list[Breach]:
    """Return the breaches of an account document, and whether all `count` entries were in the pages."""
    found = [_NO_ACCOUNT] if account is None else list(_account(account, count, running.signed_credits))
    if count != running.entries:
        message = f"{count - running.entries} entries have no sequence: they cannot be put in order"
        found.append((BreachKind.CORRUPT_DOCUMENT, None, message))
    return _breaches(user_id, found)


def check_generations_page(
    user_id: str, entries: Mapping[str, Fields], generations: Mapping[str, Fields], now: datetime
) -> list[Breach]:
    """Return the breaches of some generations and all entries that name them."""
    unordered = {entry_id: entry for entry_id, entry in entries.items() if not is_ordered(entry)}
    return _breaches(user_id, [*_entries(unordered), *_generations(entries, generations), *_stuck(generations, now)])


def is_ordered(entry: Fields) -> bool:
    """Return whether an entry has a place in its ledger: an integer sequence of 0 or more."""
    sequence = entry.get("sequence")
    return type(sequence) is int and sequence >= 0


_Found = tuple[BreachKind, str | None, str]
_NO_ACCOUNT: _Found = (BreachKind.ACCOUNT_MISSING, None, "there is no account document")


def _breaches(user_id: str, found: Iterable[_Found]) -> list[Breach]:
    return [Breach(kind, user_id, where, message) for kind, where, message in found]


def _stuck(generations: Mapping[str, Fields], now: datetime) -> Iterator[_Found]:
    for generation_id, generation in generations.items():
        if _is_stuck(generation, now):
            yield BreachKind.NEVER_ENDED, generation_id, "pending for more than two hours: check that reconcile runs"


def _account(account: Fields, count: int, signed_credits: int) -> Iterator[_Found]:
    """Compare an account with the number of its entries and the sum of their credits."""
    credits, opening, ledger_count = account.get("credits", 0), _opening(account), account.get("ledgerCount", 0)
    for name, value in (("credits", credits), ("openingCredits", opening), ("ledgerCount", ledger_count)):
        if type(value) is not int:
            yield BreachKind.CORRUPT_DOCUMENT, None, f"{name} is {value!r}; it must be an integer"
        elif value < 0:
            kind = BreachKind.BALANCE_NEGATIVE if name == "credits" else BreachKind.CORRUPT_DOCUMENT
            yield kind, None, f"{name} is {value}; it must be 0 or more"
    if ledger_count != count:
        yield BreachKind.LEDGER_COUNT_WRONG, None, f"ledgerCount is {ledger_count!r}; the ledger has {count} entries"
    explained = _credits(opening) + signed_credits
    if type(credits) is int and credits != explained:
        yield BreachKind.BALANCE_WRONG, None, f"credits is {credits}; opening credits and ledger add up to {explained}"


def _chain(account: Fields, entries: Sequence[tuple[str, Fields]], running: Running) -> tuple[list[_Found], Running]:
    """Follow the ledger: each entry has the next sequence, and its balance follows from the one before."""
    found: list[_Found] = []
    balance = _credits(_opening(account)) if running.balance is None else running.balance
    for place, (entry_id, entry) in enumerate(entries, start=running.entries + 1):
        sequence, after = entry.get("sequence"), entry.get("balanceAfter")
        if sequence != place:
            found.append((BreachKind.SEQUENCE_BROKEN, entry_id, f"sequence is {sequence}; it must be {place}"))
        balance += _signed(entry)
        if type(after) is int and after != balance:
            message = f"balanceAfter is {after}; the entries so far add up to {balance}"
            found.append((BreachKind.CHAIN_BROKEN, entry_id, message))
            # The next entry is compared with this one, so that one fault causes one breach.
            balance = after
    signed_credits = running.signed_credits + sum(_signed(entry) for _, entry in entries)
    return found, Running(entries=running.entries + len(entries), signed_credits=signed_credits, balance=balance)


def _entries(entries: Mapping[str, Fields]) -> Iterator[_Found]:
    for entry_id, entry in entries.items():
        entry_type, generation_id = entry.get("type"), entry.get("generationRequestId")
        if entry_type not in list(EntryType):
            yield BreachKind.CORRUPT_DOCUMENT, entry_id, f"type is {entry_type!r}"
            continue
        for name, minimum in (("credits", 1), ("sequence", 1), ("balanceAfter", 0)):
            value = entry.get(name)
            if type(value) is not int or value < minimum:
                negative = name == "balanceAfter" and type(value) is int
                kind = BreachKind.BALANCE_NEGATIVE if negative else BreachKind.CORRUPT_DOCUMENT
                yield kind, entry_id, f"{name} is {value!r}; it must be an integer of {minimum} or more"
        if entry_type in (EntryType.GRANT, EntryType.REVOCATION):
            is_valid = generation_id is None and entry_id.endswith(f"_{entry_type}")
        else:
            is_valid = entry_id == f"{generation_id}_{entry_type}"
            if not isinstance(generation_id, str):
                yield _missing(entry_id, generation_id)
        if not is_valid:
            yield BreachKind.ENTRY_ID_WRONG, entry_id, f"not the id of a {entry_type} of generation {generation_id!r}"


def _revocations(entries: Mapping[str, Fields], grants: Mapping[str, Fields]) -> Iterator[_Found]:
    """Compare each revocation with its grant; its id, which can be created once, makes it the only one."""
    for entry_id, entry in entries.items():
        if entry.get("type") != EntryType.REVOCATION:
            continue
        granted = grants.get(_grant_of(entry_id), {})
        is_grant = granted.get("type") == EntryType.GRANT and _sequence(granted) < _sequence(entry)
        if not is_grant or granted.get("credits") != entry.get("credits"):
            before = repr(granted.get("credits")) if is_grant else "nothing"
            message = f"{entry.get('credits')!r} was revoked, but {before} was granted before"
            yield BreachKind.REVOCATION_WRONG, entry_id, message


def _grant_of(revocation_id: str) -> str:
    return f"{revocation_id.removesuffix('_revocation')}_grant"


def _generations(entries: Mapping[str, Fields], generations: Mapping[str, Fields]) -> Iterator[_Found]:
    posted: dict[tuple[str, str], list[Fields]] = {}
    for entry_id, entry in entries.items():
        entry_type, generation_id = entry.get("type"), entry.get("generationRequestId")
        if entry_type not in (EntryType.DEDUCTION, EntryType.REFUND):
            continue
        if isinstance(generation_id, str):
            if generation_id not in generations:
                yield _missing(entry_id, generation_id)
            posted.setdefault((generation_id, str(entry_type)), []).append(entry)
    counts = Counter({key: len(found) for key, found in posted.items()})
    for (generation_id, entry_type), count in counts.items():
        if count > 1:
            yield BreachKind.ENTRY_REPEATED, generation_id, f"{count} entries of type {entry_type}"
    for generation_id, generation in generations.items():
        deductions = posted.get((generation_id, EntryType.DEDUCTION), [])
        refunds = posted.get((generation_id, EntryType.REFUND), [])
        for kind, message in _generation(generation, deductions, refunds):
            yield kind, generation_id, message


def _missing(entry_id: str, generation_id: object) -> _Found:
    return BreachKind.GENERATION_MISSING, entry_id, f"the account has no generation {generation_id!r}"


# Whether a rule holds, and the breach if it does not.
_Rule = tuple[bool, BreachKind, str]


def _generation(
    generation: Fields, deductions: list[Fields], refunds: list[Fields]
) -> Iterator[tuple[BreachKind, str]]:
    status = generation.get("status")
    if status not in list(GenerationStatus):
        yield BreachKind.CORRUPT_DOCUMENT, f"status is {status!r}"
        return
    rules = [*_postings(generation, deductions, refunds), *_ending(generation)]
    yield from ((kind, message) for holds, kind, message in rules if not holds)


def _postings(generation: Fields, deductions: list[Fields], refunds: list[Fields]) -> list[_Rule]:
    """Return the rules between the credits of a generation and its ledger entries."""
    status, charged, refunded = (generation.get(name) for name in ("status", "creditsCharged", "creditsRefunded"))
    due = [charged] if status in _REFUNDED else []
    in_order = all(_sequence(refund) >= _sequence(deduction) for refund in refunds for deduction in deductions)
    return [
        (
            type(charged) is int and charged >= 1,
            BreachKind.CORRUPT_DOCUMENT,
            f"creditsCharged is {charged!r}; it must be an integer of 1 or more",
        ),
        (
            _credits_of(deductions) == [charged],
            BreachKind.DEDUCTION_WRONG,
            f"charged {charged!r}, but {_amounts(deductions)} was deducted",
        ),
        (
            _credits_of(refunds) == due,
            BreachKind.REFUND_WRONG,
            f"{status}, charged {charged!r}, but {_amounts(refunds)} was refunded",
        ),
        (in_order, BreachKind.REFUND_WRONG, "the refund is before its deduction"),
        (
            type(refunded) is int and [refunded] == (due or [0]),
            BreachKind.STATUS_INCONSISTENT,
            f"{status}, but creditsRefunded is {refunded!r}",
        ),
    ]


def _ending(generation: Fields) -> list[_Rule]:
    """Return the rules between the status of a generation and its picture, end time and lease."""
    status, url, ended_at, lease = (
        generation.get(name) for name in ("status", "imageUrl", "completedAt", "leaseExpiresAt")
    )
    is_pending = status == GenerationStatus.PENDING
    return [
        (
            bool(url) is (status == GenerationStatus.COMPLETED),
            BreachKind.STATUS_INCONSISTENT,
            f"{status}, but imageUrl is {url!r}",
        ),
        (
            ended_at is None if is_pending else isinstance(ended_at, datetime),
            BreachKind.STATUS_INCONSISTENT,
            f"{status}, but completedAt is {ended_at!r}",
        ),
        (
            not is_pending or isinstance(lease, datetime),
            BreachKind.CORRUPT_DOCUMENT,
            f"leaseExpiresAt is {lease!r}; it must be a time",
        ),
    ]


def _credits_of(entries: list[Fields]) -> list[Any]:
    return [entry.get("credits") for entry in entries]


def _sequence(entry: Fields) -> int:
    sequence = entry.get("sequence")
    return sequence if type(sequence) is int else 0


def _amounts(entries: list[Fields]) -> str:
    return " and ".join(map(repr, _credits_of(entries))) or "nothing"


def _opening(account: Fields) -> Any:
    # A document that was created manually has no ledger: its opening credits are its balance, or 0.
    return account.get("openingCredits", account.get("credits", 0))


def _credits(value: Any) -> int:
    return value if type(value) is int else 0


def _signed(entry: Fields) -> int:
    entry_type = entry.get("type")
    return EntryType(entry_type).sign * _credits(entry.get("credits")) if entry_type in list(EntryType) else 0


def _is_stuck(generation: Fields, now: datetime) -> bool:
    created_at = generation.get("createdAt")
    is_old = isinstance(created_at, datetime) and created_at < now - _MAX_PENDING
    return generation.get("status") == GenerationStatus.PENDING and is_old


def _is_overdue(generation: Fields, now: datetime) -> bool:
    lease = generation.get("leaseExpiresAt")
    return generation.get("status") == GenerationStatus.PENDING and isinstance(lease, datetime) and lease <= now
