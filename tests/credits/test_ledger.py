"""The arithmetic of credits."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.credits.errors import InsufficientCredits
from imagegen.credits.ledger import charge, refund
from imagegen.credits.records import Account, EntryType, LedgerEntry, Spending
from imagegen.kit.weeks import Week
from tests.world import NOON

pytestmark = pytest.mark.pure


def an_account(credits: int, ledger_count: int = 0) -> Account:
    return Account(user_id="ada", credits=credits, opening_credits=credits, ledger_count=ledger_count)


def charged(account: Account, cost_credits: int, charged_at: datetime = NOON) -> tuple[Account, LedgerEntry]:
    return charge(account, "gen1", cost_credits, charged_at)


class TestCharge:
    def test_takes_the_price_and_records_it(self) -> None:
        """A charge lowers the balance by the price and appends the next entry, whose id derives from the generation."""
        account, entry = charged(an_account(10, ledger_count=4), 3)
        assert (account.credits, account.ledger_count, account.opening_credits) == (7, 5, 10)
        assert (entry.entry_id, entry.type, entry.credits) == ("gen1_deduction", EntryType.DEDUCTION, 3)
        assert (entry.sequence, entry.balance_after, entry.generation_id) == (5, 7, "gen1")

    def test_takes_the_last_credit(self) -> None:
        """An account may be charged down to 0."""
        assert charged(an_account(3), 3)[0].credits == 0

    def test_refuses_more_than_the_balance(self) -> None:
        """The error says what the account has and what the request costs."""
        with pytest.raises(InsufficientCredits) as refused:
            charged(an_account(1), 3)
        assert refused.value.metadata == {"currentCredits": "1", "requiredCredits": "3"}
        assert refused.value.message == "Account 'ada' has 1 credit; this request costs 3."

    @pytest.mark.parametrize("cost_credits", [0, -1])
    def test_is_never_free(self, cost_credits: int) -> None:
        """A price of 0 or less is a programming error, not a gift."""
        with pytest.raises(ValueError, match="at least one credit"):
            charged(an_account(1), cost_credits)


class TestRefund:
    def test_undoes_a_charge(self) -> None:
        """A refund returns exactly the charge, as its own entry."""
        account, _ = charged(an_account(9), 4)
        account, entry = refund(account, "gen1", 4, "MODEL_ERROR")
        assert (account.credits, account.ledger_count) == (9, 2)
        assert (entry.entry_id, entry.type, entry.credits, entry.balance_after) == ("gen1_refund", "refund", 4, 9)
        assert entry.reason == "MODEL_ERROR"


class TestBooks:
    @given(st.integers(0, 50), st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=40))
    def test_balance_is_the_sum_of_the_entries(self, opening: int, steps: list[tuple[int, bool]]) -> None:
        """After any charges and refunds the balance equals the sum of the entries and is never negative."""
        account, entries = an_account(opening), []
        for cost_credits, fails in steps:
            try:
                account, entry = charged(account, cost_credits)
            except InsufficientCredits:
                continue
            entries.append(entry)
            if fails:
                account, entry = refund(account, "gen1", cost_credits, "MODEL_ERROR")
                entries.append(entry)
        balance = opening
        for sequence, entry in enumerate(entries, start=1):
            balance += entry.credits if entry.type is EntryType.REFUND else -entry.credits
            assert (entry.sequence, entry.balance_after) == (sequence, balance)
        assert account.credits == balance >= 0


class TestAccount:
    @pytest.mark.parametrize("credits", [-1, 5.5, True, "5", None])
    def test_holds_whole_credits(self, credits: Any) -> None:
        """A balance that is negative or not an integer is corrupt data and raises."""
        with pytest.raises(ValueError, match="corrupt"):
            an_account(credits)


class TestWeeks:
    @given(st.lists(st.tuples(st.integers(0, 60 * 24), st.integers(1, 4)), max_size=40))
    def test_the_last_weeks_are_what_was_charged_in_them(self, steps: list[tuple[int, int]]) -> None:
        """An account knows its charges of the newest week and the two before, and of no others."""
        account, moment, charges = an_account(1000), NOON, []
        for hours, cost_credits in steps:
            moment += timedelta(hours=hours)
            charges.append((moment, cost_credits))
            account, _ = charged(account, cost_credits, moment)
        expected: dict[str, Spending] = {}
        remembered = {Week.of(moment).back(weeks) for weeks in range(3)}
        for charged_at, cost_credits in charges:
            week = Week.of(charged_at)
            if week in remembered:
                before = expected.get(week.week_id, Spending())
                day = charged_at.date().isoformat()
                expected[week.week_id] = Spending(
                    requests=before.requests + 1,
                    credits=before.credits + cost_credits,
                    days={**before.days, day: before.days.get(day, 0) + cost_credits},
                )
        assert account.weeks == expected

    def test_a_refund_does_not_change_them(self) -> None:
        """A charge counts in its week even if it is refunded."""
        account, _ = charged(an_account(9), 4)
        refunded, _ = refund(account, "gen1", 4, "MODEL_ERROR")
        assert refunded.weeks == account.weeks == {"2026-W47": Spending(requests=1, credits=4, days={"2026-11-18": 4})}
