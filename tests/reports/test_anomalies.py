"""Which changes of a week are reported as anomalies, and which are not."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagegen.kit.weeks import Week
from imagegen.reports.anomalies import find_anomalies, low_power
from imagegen.reports.records import AccountWeek, Anomaly, Totals, WeeklyReport

pytestmark = pytest.mark.pure

# The wall time of one example depends on the machine's load; pytest's own timeout bounds the whole test.
unhurried = settings(deadline=None)
MONDAY = datetime(2026, 11, 9, tzinfo=UTC)
QUIET_DAYS = (1, 0, 2, 1, 0, 1, 0)


def of(requests: int, failed: int = 0, price: int = 2, **counts: int) -> Totals:
    return Totals(
        requests=requests,
        completed=requests - failed - sum(counts.values()),
        failed=failed,
        credits_consumed=price * requests,
        credits_refunded=price * failed,
        **counts,
    )


def a_week(totals: Totals, groups: Mapping[str, Mapping[str, Totals]] | None = None, **fields: Any) -> WeeklyReport:
    by_dimension = groups if groups is not None else {"size": {"512x512": totals}} if totals.requests else {}
    values: dict[str, Any] = {"new_accounts_by_day": QUIET_DAYS, "active_accounts": 60} | fields
    at = MONDAY + timedelta(days=7)
    return WeeklyReport(week=Week(MONDAY), generated_at=at, totals=totals, by_dimension=by_dimension, **values)


def by_model(**models: Totals) -> WeeklyReport:
    """A week with totals for the whole and for each model."""
    names = ("requests", "completed", "failed", "credits_consumed", "credits_refunded")
    total = Totals(**{name: sum(getattr(each, name) for each in models.values()) for name in names})
    return a_week(total, {"model": {name.replace("_", "-"): each for name, each in models.items()}})


def crossed(requests: int, broken: Mapping[tuple[str, str], float]) -> WeeklyReport:
    """A week of three dimensions in equal, independent shares; 5% fail, and more of what is broken."""
    values = {"model": "ab", "style": "xyz", "color": "rstuv"}
    cells = list(itertools.product(*values.values()))
    groups: dict[str, dict[str, list[tuple[float, float]]]] = {dimension: {} for dimension in values}
    whole = []
    for cell in cells:
        rates = [broken.get(key, 0.0) for key in zip(values, cell, strict=True)]
        counted = (requests / len(cells), requests / len(cells) * max(0.05, *rates))
        whole.append(counted)
        for dimension, value in zip(values, cell, strict=True):
            groups[dimension].setdefault(value, []).append(counted)

    def total(parts: list[tuple[float, float]]) -> Totals:
        return of(round(sum(each for each, _ in parts)), failed=round(sum(failed for _, failed in parts)))

    return a_week(
        total(whole), {name: {value: total(parts) for value, parts in each.items()} for name, each in groups.items()}
    )


def kinds(found: list[Anomaly]) -> set[str]:
    return {anomaly.kind for anomaly in found}


USUAL = [a_week(of(requests, failed=15)) for requests in (300, 310, 290, 305, 295, 320, 280, 300)]


class TestVolumes:
    def test_a_surge_is_reported_with_its_numbers(self) -> None:
        """A week with 3.5 times the usual requests is confirmed and critical, and its sentence has the numbers."""
        surge, credits = find_anomalies(a_week(of(1_050, failed=52)), USUAL)
        assert (surge.kind, surge.dimension, surge.value) == ("requests", None, None)
        assert (surge.observed, surge.expected, surge.ratio) == (1_050, 300, 3.5)
        assert (surge.score_kind, surge.baseline_weeks) == ("z", 8)
        assert (surge.severity, surge.status) == ("critical", "confirmed")
        assert surge.score is not None
        assert surge.score > 3.5
        assert surge.message == "1,050 requests were made, 3.5 times the usual 300 over 8 weeks."
        assert credits.message == "2,100 credits were charged, 3.5 times the usual 600 over 8 weeks."

    def test_a_slump_is_reported_with_its_numbers(self) -> None:
        """A week far below the usual has a negative z and a ratio below one."""
        slump = find_anomalies(a_week(of(90, failed=4)), USUAL)[0]
        assert slump.score is not None
        assert (slump.score < -3.5, slump.ratio) == (True, 0.3)
        assert slump.message == "90 requests were made, 30% of the usual 300 over 8 weeks."

    def test_an_empty_week_after_busy_ones(self) -> None:
        """A week without requests after busy weeks is a slump."""
        assert [each.message for each in find_anomalies(a_week(of(0)), USUAL)] == [
            "0 requests were made, 0% of the usual 300 over 8 weeks.",
            "0 credits were charged, 0% of the usual 600 over 8 weeks.",
        ]

    def test_a_first_busy_week_after_empty_ones(self) -> None:
        """Where the usual is zero there is no ratio, but there is an anomaly."""
        start = find_anomalies(a_week(of(300, failed=15)), [a_week(of(0))] * 8)[0]
        assert (start.expected, start.ratio, start.severity) == (0, None, "critical")
        assert start.message == "300 requests were made, where none is usual over 8 weeks."

    @pytest.mark.parametrize("requests", [190, 300, 470])
    def test_a_ratio_below_1_6_is_never_reported(self, requests: int) -> None:
        """A change within the ratio is no anomaly, even after very steady weeks."""
        assert find_anomalies(a_week(of(requests)), [a_week(of(300))] * 8) == []

    def test_twice_the_median_is_usual_in_noisy_weeks(self) -> None:
        """Twice the median is no anomaly where earlier weeks vary as much."""
        swinging = [a_week(of(requests)) for requests in (100, 600, 250, 900, 150, 500, 300, 700)]
        assert find_anomalies(a_week(of(800)), swinging) == []

    @pytest.mark.parametrize(("requests", "count"), [(899, 0), (900, 2), (101, 0), (100, 2)])
    def test_few_weeks_need_a_third_or_three_times(self, requests: int, count: int) -> None:
        """With one to three earlier weeks only large changes are reported, as provisional and never critical."""
        found = find_anomalies(a_week(of(requests)), [a_week(of(300))] * 3)
        assert len(found) == count
        assert {(each.status, each.severity, each.baseline_weeks) for each in found} <= {("provisional", "warning", 3)}

    def test_only_the_last_eight_weeks_count(self) -> None:
        """Weeks before the last eight have no influence."""
        assert find_anomalies(a_week(of(300)), [*[a_week(of(300))] * 8, *[a_week(of(9_000))] * 30]) == []

    def test_more_expensive_pictures_change_credits_only(self) -> None:
        """If all requests change to a size of four times the price, credits are an anomaly and requests are not."""
        dear = a_week(of(300, price=4), {"size": {"1024x1792": of(300, price=4)}})
        cheap = a_week(of(300, price=1), {"size": {"512x512": of(300, price=1)}})
        assert kinds(find_anomalies(dear, [cheap] * 8)) == {"credits"}

    def test_credits_are_noisier_than_requests(self) -> None:
        """A few expensive pictures are within the noise: the unit of credits is E[c^2] / E[c]."""
        cheap = a_week(of(30, price=1), {"size": {"small": of(30, price=1)}})
        lucky = {"size": {"small": of(28, price=1), "huge": of(2, price=40)}}
        totals = Totals(requests=30, completed=30, credits_consumed=108)
        assert find_anomalies(a_week(totals, lucky), [cheap] * 8) == []


class TestFailureRate:
    def test_a_failing_model_is_named(self) -> None:
        """A model that goes from 5% to 15% failures is named; the other model is not."""
        usual = by_model(model_a=of(104, failed=5), model_b=of(100, failed=5))
        found = find_anomalies(by_model(model_a=of(104, failed=5), model_b=of(99, failed=15)), [usual] * 8)
        named = next(each for each in found if each.dimension == "model")
        assert (named.kind, named.value, named.score_kind) == ("failureRate", "model-b", "p")
        assert (named.baseline_weeks, named.status, named.severity) == (8, "confirmed", "critical")
        assert named.message == "Model model-b failed 15.2% of 99 requests; 5.0% is usual over 8 weeks."
        assert not [each for each in found if each.value == "model-a"]

    def test_a_failing_week_is_one_anomaly(self) -> None:
        """If all values fail alike, there is one anomaly for the week and none for a value."""
        usual = by_model(model_a=of(150, failed=7), model_b=of(150, failed=8))
        found = find_anomalies(by_model(model_a=of(150, failed=150), model_b=of(150, failed=150)), [usual] * 8)
        assert [(each.dimension, each.severity) for each in found] == [(None, "critical")]
        assert found[0].message == "100.0% of 300 requests failed; 5.0% is usual over 8 weeks."

    @pytest.mark.parametrize(
        ("broken", "told"),
        [
            ({("model", "b"): 0.3}, {"b"}),
            ({("style", "x"): 0.4}, {"x"}),
            ({("model", "b"): 0.3, ("style", "x"): 0.3}, {"b", "x"}),
            ({("color", "r"): 0.4, ("color", "s"): 0.4}, {"r", "s"}),
            ({("model", "a"): 0.3, ("model", "b"): 0.3}, {None}),
        ],
    )
    def test_what_a_cause_explains_is_not_told(
        self, broken: dict[tuple[str, str], float], told: set[str | None]
    ) -> None:
        """Broken values are told, and neither the other values that they make look bad nor the week."""
        found = find_anomalies(crossed(900, broken), [crossed(900, {})] * 8)
        assert {each.value for each in found} == told
        assert kinds(found) == {"failureRate"}

    def test_a_value_may_stand_out_of_a_bad_week(self) -> None:
        """If all fail more often and one value far more, both are told."""
        usual = by_model(model_a=of(300, failed=15), model_b=of(300, failed=15), model_c=of(300, failed=15))
        week = by_model(model_a=of(300, failed=60), model_b=of(300, failed=60), model_c=of(300, failed=150))
        assert {each.value for each in find_anomalies(week, [usual] * 8)} == {None, "model-c"}

    def test_the_only_value_is_not_told_beside_its_week(self) -> None:
        """Where all requests have one value, the week is told and the value is not."""
        found = find_anomalies(by_model(model_a=of(300, failed=90)), [by_model(model_a=of(300, failed=15))] * 8)
        assert [each.value for each in found] == [None]

    def test_a_rate_that_is_always_high_is_usual(self) -> None:
        """A failure rate of 40% is no anomaly if it was always 40%."""
        week = by_model(model_a=of(150, failed=60), model_b=of(150, failed=60))
        assert find_anomalies(week, [week] * 8) == []

    @pytest.mark.parametrize(("ended", "failed"), [(19, 19), (60, 2), (3_000, 230)])
    def test_small_changes_are_never_reported(self, ended: int, failed: int) -> None:
        """Fewer than 20 ended requests, fewer than 3 failures or fewer than 3 points more are no anomaly."""
        flawless = of(2_000, failed=0) if ended < 3_000 else of(3_000, failed=150)
        found = find_anomalies(a_week(of(ended, failed=failed)), [a_week(flawless)] * 8)
        assert "failureRate" not in kinds(found)

    def test_pending_and_cancelled_requests_do_not_count(self) -> None:
        """Pending and cancelled requests are neither failures nor successes."""
        week = a_week(of(300, failed=15, pending=100, cancelled=150))
        # 15 of the 50 that ended is 30%.
        found = find_anomalies(week, USUAL)
        assert [each.message for each in found] == ["30.0% of 50 requests failed; 5.0% is usual over 8 weeks."]

    def test_a_new_value_is_compared_with_the_assumed_rate(self) -> None:
        """A model without history is provisional: only a rate that is bad for any model is an anomaly."""
        usual = by_model(model_a=of(300, failed=15))
        bad = find_anomalies(by_model(model_a=of(300, failed=15), model_c=of(40, failed=20)), [usual] * 8)
        new = next(each for each in bad if each.value == "model-c")
        assert (new.baseline_weeks, new.status) == (0, "provisional")
        assert new.message == "Model model-c failed 50.0% of 40 requests; without earlier weeks 5.0% is assumed."
        assert find_anomalies(by_model(model_a=of(300, failed=15), model_c=of(40, failed=4)), [usual] * 8) == []

    def test_an_unused_value_is_no_anomaly(self) -> None:
        """A model without requests has no failure rate."""
        usual = by_model(model_a=of(300, failed=15), model_b=of(30, failed=1))
        assert find_anomalies(by_model(model_a=of(330, failed=16)), [usual] * 8) == []

    def test_the_first_week(self) -> None:
        """Without a history volumes are not judged, and failures only against the assumed rate."""
        assert find_anomalies(a_week(of(300, failed=15)), []) == []
        broken = find_anomalies(a_week(of(300, failed=280)), [])
        assert {each.status for each in broken} == {"provisional"}
        assert {each.severity for each in broken} == {"critical"}

    @unhurried
    @given(st.integers(20, 500), st.data())
    def test_more_failures_are_never_less_unusual(self, ended: int, data: st.DataObject) -> None:
        """If the failures of a week are an anomaly, so are more failures in the same week."""
        fewer = data.draw(st.integers(0, ended))
        more = data.draw(st.integers(fewer, ended))
        history = [a_week(of(ended, failed=ended // 20))] * 8
        found = [find_anomalies(a_week(of(ended, failed=failed)), history) for failed in (fewer, more)]
        assert kinds(found[0]) <= kinds(found[1])


class TestAccounts:
    def test_a_spree_is_reported_with_its_numbers(self) -> None:
        """An account far above the others and its own past is a confirmed anomaly."""
        spree = AccountWeek(user_id="ada", requests=200, credits=500, peak_day_credits=120, previous_credits=12)
        peers = [AccountWeek(user_id=f"u{i}", requests=9, credits=30 - i, peak_day_credits=9) for i in range(9)]
        week = a_week(of(545), {}, top_accounts=(spree, *peers), active_accounts=60)
        account = find_anomalies(week, [])[0]
        assert (account.kind, account.dimension, account.value) == ("accountCredits", "account", "ada")
        assert (account.observed, account.status, account.severity) == (500, "confirmed", "critical")
        assert account.message == (
            "Account ada was charged 500 credits, up to 120 a day, and 12 the week before; "
            "the other active accounts average 10.0 a week."
        )

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({}, "confirmed"),
            ({"previous_credits": None}, "provisional"),
            ({"previous_credits": 200}, None),
            ({"peak_day_credits": 50}, None),
            ({"credits": 60, "peak_day_credits": 60}, None),
        ],
    )
    def test_the_conditions(self, changes: dict[str, Any], status: str | None) -> None:
        """An account must exceed the daily limit, the other accounts, and three times its own past if it has one."""
        spree = AccountWeek(user_id="ada", requests=200, credits=500, peak_day_credits=120, previous_credits=12)
        spree = replace(spree, **changes)
        week = a_week(of((590 + spree.credits) // 2), {}, top_accounts=(spree,), active_accounts=60)
        found = [each for each in find_anomalies(week, []) if each.kind == "accountCredits"]
        assert [each.status for each in found] == ([status] if status else [])

    def test_two_anomalous_accounts_do_not_hide_each_other(self) -> None:
        """The spending of one does not raise the usual for the other."""
        first = AccountWeek(user_id="ada", requests=1, credits=900, peak_day_credits=300, previous_credits=5)
        second = replace(first, user_id="bob", credits=850)
        other = AccountWeek(user_id="cleo", requests=9, credits=30, peak_day_credits=10)
        week = a_week(of((1_750 + 590) // 2), {}, top_accounts=(first, second, other), active_accounts=60)
        assert {each.value for each in find_anomalies(week, [])} == {"ada", "bob"}

    def test_many_big_customers_are_usual(self) -> None:
        """Where many accounts spend much, none of them is an anomaly."""
        big = [AccountWeek(user_id=f"u{i}", requests=90, credits=200 + i, peak_day_credits=60) for i in range(10)]
        week = a_week(of(20 * 200 // 2), {}, top_accounts=tuple(big), active_accounts=20)
        assert find_anomalies(week, []) == []

    @pytest.mark.parametrize("active", [None, 1, 5])
    def test_without_peers_no_account_is_judged(self, active: int | None) -> None:
        """With fewer than five other accounts, or unknown ones, no account is judged, and the report says so."""
        only = AccountWeek(user_id="ada", requests=200, credits=500, peak_day_credits=120)
        week = a_week(of(250), {}, top_accounts=(only,), active_accounts=active)
        assert find_anomalies(week, []) == []
        assert low_power(week, []) == ("accountCredits",)

    def test_the_limit_is_a_setting(self) -> None:
        """An operator can raise the limit by a setting."""
        spree = AccountWeek(user_id="ada", requests=200, credits=500, peak_day_credits=120)
        week = a_week(of(545), {}, top_accounts=(spree,))
        assert find_anomalies(week, [], account_credits_a_day=119) != []
        assert find_anomalies(week, [], account_credits_a_day=120) == []


class TestNewAccounts:
    def test_a_burst_is_reported_with_its_day(self) -> None:
        """A day with far more new accounts than usual is an anomaly."""
        week = a_week(of(300, failed=15), new_accounts_by_day=(1, 0, 1, 42, 0, 2, 0))
        (burst,) = find_anomalies(week, USUAL)
        assert (burst.kind, burst.dimension, burst.value) == ("newAccounts", "day", "2026-11-12")
        assert (burst.observed, burst.status, burst.severity) == (42, "confirmed", "critical")
        assert burst.message == ("42 accounts were opened on Thursday, 2026-11-12; 0.7 a day is usual over 8 weeks.")

    @pytest.mark.parametrize(("opened", "setting"), [(5, 5), (42, 42)])
    def test_the_setting_is_the_highest_usual_number(self, opened: int, setting: int) -> None:
        """Only days above the setting are judged."""
        week = a_week(of(300, failed=15), new_accounts_by_day=(opened, 0, 0, 0, 0, 0, 0))
        assert find_anomalies(week, USUAL, new_accounts_a_day=setting) == []

    def test_a_growing_service_is_no_anomaly(self) -> None:
        """Twenty new accounts a day are no anomaly where fifteen are usual."""
        usual = [a_week(of(300, failed=15), new_accounts_by_day=(15,) * 7)] * 8
        assert find_anomalies(a_week(of(300, failed=15), new_accounts_by_day=(20,) * 7), usual) == []

    def test_after_weeks_without_new_accounts(self) -> None:
        """After weeks without new accounts, a day above the setting is an anomaly."""
        usual = [a_week(of(300, failed=15), new_accounts_by_day=(0,) * 7)] * 2
        (burst,) = find_anomalies(a_week(of(300, failed=15), new_accounts_by_day=(0, 0, 9, 0, 0, 0, 0)), usual)
        assert (burst.expected, burst.ratio, burst.status) == (0, None, "provisional")

    def test_without_a_history(self) -> None:
        """Without earlier weeks new accounts are not judged."""
        assert find_anomalies(a_week(of(300, failed=15), new_accounts_by_day=(99,) * 7), []) == []


class TestLowPower:
    def test_enough_requests_have_no_warning(self) -> None:
        """With enough requests in the week or in the earlier weeks there is no low-power warning."""
        assert low_power(a_week(of(300, failed=15)), USUAL) == ()

    def test_a_slump_is_judged_by_the_earlier_weeks(self) -> None:
        """An empty week after busy ones has enough power for volumes, but not for the failure rate."""
        assert low_power(a_week(of(0)), USUAL) == ("failureRate",)

    def test_a_tiny_service_names_what_it_cannot_judge(self) -> None:
        """With very few requests the report names everything that it cannot judge, values included."""
        week = by_model(model_a=of(3, failed=3), model_b=of(4, failed=0))
        assert find_anomalies(week, [week] * 8) == []
        assert low_power(week, [week] * 8) == (
            "requests",
            "credits",
            "failureRate",
            "failureRate:model=model-a",
            "failureRate:model=model-b",
        )

    def test_an_empty_service(self) -> None:
        """Weeks without requests are neither an anomaly nor an error."""
        assert find_anomalies(a_week(of(0)), [a_week(of(0))] * 8) == []
        assert low_power(a_week(of(0)), [a_week(of(0))] * 8) == ("requests", "credits", "failureRate")


@st.composite
def weeks(draw: st.DrawFn) -> WeeklyReport:
    """Any week: models of any size, some of which fail often."""
    models = draw(st.dictionaries(st.sampled_from(["model_a", "model_b", "model_c"]), st.integers(0, 400), max_size=3))
    return by_model(**{name: of(size, failed=draw(st.integers(0, size))) for name, size in models.items()})


class TestAll:
    @unhurried
    @given(st.integers(0, 5_000), st.floats(0, 0.3), st.integers(1, 8))
    def test_a_week_equal_to_the_earlier_ones_has_no_anomaly(self, requests: int, rate: float, count: int) -> None:
        """Identical weeks have no anomaly, with any number of weeks and any failure rate."""
        week = a_week(of(requests, failed=int(rate * requests)))
        history = [week] * count
        # A few weeks of a tiny service do not outweigh the assumed failure rate of 5%.
        if requests * count >= 200 or rate <= 0.05:
            assert find_anomalies(week, history) == []

    @unhurried
    @given(weeks(), st.lists(weeks(), max_size=9))
    def test_any_weeks_can_be_judged(self, current: WeeklyReport, history: list[WeeklyReport]) -> None:
        """For any weeks each anomaly has finite numbers and a sentence, and critical ones come first."""
        found = find_anomalies(current, history)
        for each in found:
            assert each.message.endswith(".")
            assert each.score_kind == "z" or (each.score is not None and 0 <= each.score < 0.02)
            assert (each.status == "provisional") == (each.baseline_weeks < 4)
            assert each.ratio is None or each.ratio == pytest.approx(each.observed / each.expected)
        severities = [each.severity for each in found]
        assert severities == sorted(severities)
        judged_as_small = set(low_power(current, history))
        assert not judged_as_small & {each.kind for each in found if each.dimension is None}
