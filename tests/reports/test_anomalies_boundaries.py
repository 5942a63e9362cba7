"""The scores of anomalies, by SciPy's distributions, and both sides of each limit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from imagegen.reports.anomalies import find_anomalies, low_power
from imagegen.reports.records import AccountWeek, Anomaly, Totals, WeeklyReport
from imagegen.reports.significance import beta_binomial_tail
from tests.reports.test_anomalies import a_week, by_model, of

pytestmark = pytest.mark.pure

USUAL_FAILED = 15
# Eight weeks of 300 requests, 5% of which failed: the weight of the history is 600 requests.
HISTORY = [a_week(of(300, failed=USUAL_FAILED))] * 8
ALPHA, BETA = 0.5 + 600 * 0.05, 9.5 + 600 * 0.95
USUAL_RATE = (0.5 + 8 * 15) / (10 + 8 * 300)


def p_of(failed: int, ended: int, alpha: float = ALPHA, beta: float = BETA) -> float:
    return float(stats.betabinom.sf(failed - 1, ended, alpha, beta))


def failing(failed: int, ended: int, history: list[WeeklyReport] = HISTORY) -> list[Anomaly]:
    """The anomalies of failures in a week that is no anomaly otherwise."""
    found = find_anomalies(a_week(of(ended, failed=failed), {}), history)
    return [each for each in found if each.kind == "failureRate"]


def near(limit: float, is_below: bool, p: Any, cases: Iterator[tuple[int, ...]]) -> tuple[int, ...]:
    """The first case whose p-value is within 2% of a limit, on one side of it."""
    low, high = (limit * 0.981, limit) if is_below else (limit, limit * 1.019)
    return next(case for case in cases if low <= p(*case) < high)


def weeks_of(least_points: float) -> Iterator[tuple[int, int]]:
    """Numbers of failed and ended requests, so many points worse than usual."""
    for ended in range(40, 900):
        for failed in range(math.ceil(ended * (USUAL_RATE + least_points)), math.ceil(ended * 0.2)):
            yield failed, ended


class TestScores:
    def test_failures(self) -> None:
        """The p-value of a failure rate is the upper tail of the beta-binomial predictive."""
        (found,) = failing(30, 300)
        assert found.score == pytest.approx(p_of(30, 300), rel=1e-9)
        assert found.observed == 0.1
        assert found.expected == pytest.approx(USUAL_RATE)

    def test_failures_after_a_short_history(self) -> None:
        """A history of fewer than 600 requests has its own weight, and none has that of the prior alone."""
        (found,) = failing(60, 200, [a_week(of(100, failed=7), {})])
        assert found.score == pytest.approx(p_of(60, 200, 7.5, 102.5), rel=1e-9)
        assert found.expected == pytest.approx(7.5 / 110)
        (first,) = failing(120, 200, [])
        assert first.score == pytest.approx(p_of(120, 200, 0.5, 9.5), rel=1e-9)
        assert first.expected == 0.05

    def test_failures_that_another_value_explains_in_part(self) -> None:
        """A second cause is tested against the rate that the first one explains."""
        usual = Totals(requests=900, completed=855, failed=45)
        groups = {"model": {"a": of(450, failed=22), "b": of(450, failed=180)}}
        groups["style"] = {"x": of(300, failed=120), "y": of(600, failed=82)}
        values = {"model": {"a": 450, "b": 450}, "style": {"x": 300, "y": 600}}
        earlier = {
            name: {each: of(size, failed=size // 20) for each, size in sizes.items()} for name, sizes in values.items()
        }
        week, history = a_week(of(900, failed=202), groups), [a_week(usual, earlier)] * 8
        first, second = [each for each in find_anomalies(week, history) if each.kind == "failureRate"]
        assert (first.value, second.value) == ("b", "x")
        usual_b = (0.5 + 8 * 22) / (10 + 8 * 450)
        extra = (180 / 450 - usual_b) * 450 / 900
        # 600 requests of the 8 x 300 of the style.
        alpha, weight = 0.5 + 600 * 0.05 + extra * 610, 610
        assert second.score == pytest.approx(p_of(120, 300, alpha, weight - alpha), rel=1e-9)

    def test_volumes(self) -> None:
        """The z-score is on Anscombe's scale, where the spread of eight equal weeks is a tenth of the median."""
        (found,) = find_anomalies(a_week(of(1_000, price=0), {}), [a_week(of(300, price=0), {})] * 8)
        middle = 2 * math.sqrt(300.375)
        assert found.score == pytest.approx((2 * math.sqrt(1000.375) - middle) / (0.1 * middle))

    def test_credits(self) -> None:
        """The unit of credits is E[c^2] / E[c] of the prices."""
        sizes = {"size": {"a": of(100, price=1), "b": of(100, price=4)}}
        usual = a_week(replace(of(200), credits_consumed=500), sizes)
        found = find_anomalies(replace(usual, totals=replace(usual.totals, credits_consumed=2_000)), [usual] * 8)
        unit = (100 * 1 + 100 * 16) / 500
        middle = 2 * math.sqrt(500 / unit + 0.375)
        assert [each.kind for each in found] == ["credits"]
        assert found[0].score == pytest.approx((2 * math.sqrt(2000 / unit + 0.375) - middle) / (0.1 * middle))

    @pytest.mark.parametrize("highest", [12, 60])
    def test_an_account(self, highest: int) -> None:
        """The p-value of an account is that of the maximum of all, log-normal with the peers' mean and highest."""
        spree = AccountWeek(user_id="ada", requests=9, credits=2_000, peak_day_credits=900, previous_credits=12)
        other = AccountWeek(user_id="bob", requests=9, credits=highest, peak_day_credits=9)
        week = a_week(of(2_590 // 2), {}, top_accounts=(spree, other), active_accounts=60)
        (found,) = [each for each in find_anomalies(week, []) if each.kind == "accountCredits"]
        z = stats.norm.ppf(0.5 ** (1 / 59))
        spread = max(1.0, z - math.sqrt(max(0.0, z**2 - 2 * math.log(highest / 10))))
        p = 60 * stats.lognorm.sf(2_000, spread, scale=10 * math.exp(-(spread**2) / 2))
        assert found.score == pytest.approx(p, rel=1e-6)
        assert (found.expected, found.baseline_weeks) == (10, 1)

    def test_an_account_beside_a_cleared_one(self) -> None:
        """A suspect that is no anomaly is a peer of the next one."""
        cleared = AccountWeek(user_id="bob", requests=9, credits=60, peak_day_credits=60)
        spree = AccountWeek(user_id="ada", requests=9, credits=3_000, peak_day_credits=900)
        week = a_week(of((3_060 + 580) // 2), {}, top_accounts=(spree, cleared), active_accounts=40)
        (found,) = [each for each in find_anomalies(week, []) if each.kind == "accountCredits"]
        assert found.expected == pytest.approx(640 / 39)
        assert (found.value, found.baseline_weeks, found.status) == ("ada", 0, "provisional")
        z = stats.norm.ppf(0.5 ** (1 / 39))
        spread = max(1.0, z - math.sqrt(max(0.0, z**2 - 2 * math.log(60 / found.expected))))
        p = 40 * stats.lognorm.sf(3_000, spread, scale=found.expected * math.exp(-(spread**2) / 2))
        assert found.score == pytest.approx(p, rel=1e-6)

    @pytest.mark.parametrize(("a_day", "shape"), [(0, 0.5), (7, 4.0)])
    def test_new_accounts(self, a_day: int, shape: float) -> None:
        """The p-value of a day is that of a negative binomial, for seven days at once."""
        usual = [a_week(of(300, failed=15), new_accounts_by_day=(a_day,) * 7)] * 8
        week = a_week(of(300, failed=15), new_accounts_by_day=(60, *(a_day,) * 6))
        (found,) = find_anomalies(week, usual)
        mean = (56 * a_day + 0.5) / 56
        p = 7 * stats.nbinom.sf(59, shape, shape / (shape + mean))
        assert found.score == pytest.approx(p, rel=1e-6)


class TestLimits:
    @pytest.mark.parametrize("is_below", [True, False])
    def test_the_p_value_of_the_week(self, is_below: bool) -> None:
        """The week is told below 0.005."""
        failed, ended = near(0.005, is_below, lambda k, n: beta_binomial_tail(k, n, ALPHA, BETA), weeks_of(0.035))
        assert bool(failing(failed, ended)) == is_below

    @pytest.mark.parametrize("is_below", [True, False])
    def test_the_false_discoveries_of_values(self, is_below: bool) -> None:
        """One value is told at 0.02, where its week is not yet bad."""
        failed, ended = near(0.02, is_below, lambda k, n: beta_binomial_tail(k, n, ALPHA, BETA), weeks_of(0.055))
        usual = by_model(model_a=of(300, failed=15), model_b=of(300, failed=15))
        week = a_week(of(ended, failed=failed), {"model": {"model-a": of(ended, failed=failed)}})
        found = [each.kind for each in find_anomalies(week, [usual] * 8)]
        assert ("failureRate" in found) == is_below

    @pytest.mark.parametrize(("points", "is_told"), [(0.0298, False), (0.0302, True)])
    def test_the_points_of_the_week(self, points: float, is_told: bool) -> None:
        """A week must be three points worse."""
        history = [a_week(of(10_000, failed=500), {})] * 8
        failed = round(20_000 * ((0.5 + 4_000) / 80_010 + points))
        assert bool(failing(failed, 20_000, history)) == is_told

    @pytest.mark.parametrize(("points", "is_told"), [(0.0495, False), (0.0505, True)])
    def test_the_points_of_a_value(self, points: float, is_told: bool) -> None:
        """A value must be five points worse, where its week is not bad."""
        history = [by_model(model_a=of(50_000, failed=2_500), model_b=of(2_000, failed=100))] * 8
        failed = round(4_000 * ((0.5 + 800) / 16_010 + points))
        week = by_model(model_a=of(50_000, failed=2_500), model_b=of(4_000, failed=failed))
        assert [each.value for each in find_anomalies(week, history) if each.kind == "failureRate"] == (
            ["model-b"] if is_told else []
        )

    @pytest.mark.parametrize(("rest_failed", "told"), [(34, ["model-b"]), (60, [None, "model-b"])])
    def test_what_a_value_leaves_of_a_bad_week(self, rest_failed: int, told: list[str | None]) -> None:
        """A value explains its week unless that is still worse by three points without it."""
        usual = by_model(model_a=of(400, failed=20), model_b=of(400, failed=20))
        week = by_model(model_a=of(400, failed=rest_failed), model_b=of(400, failed=200))
        found = find_anomalies(week, [usual] * 8)
        assert [each.value for each in found] == told

    @pytest.mark.parametrize(("failed", "ended", "is_told"), [(20, 20, True), (19, 19, False)])
    def test_the_least_ended_requests(self, failed: int, ended: int, is_told: bool) -> None:
        """Twenty ended requests can be judged; fewer are named as too few."""
        week = by_model(model_a=of(ended, failed=failed))
        assert bool(failing(failed, ended)) == is_told
        names = {"failureRate", "failureRate:model=model-a"}
        assert names & set(low_power(week, HISTORY)) == (set() if is_told else names)
        beside = by_model(model_a=of(ended, failed=failed), model_b=of(400, failed=0))
        usual = by_model(model_a=of(300, failed=15), model_b=of(300, failed=15))
        assert [each.value for each in find_anomalies(beside, [usual] * 8)] == (["model-a"] if is_told else [])

    @pytest.mark.parametrize(("failed", "is_told"), [(2, False), (3, True)])
    def test_the_least_failures(self, failed: int, is_told: bool) -> None:
        """Three failures can be an anomaly where there are none otherwise."""
        assert bool(failing(failed, 40, [a_week(of(2_000), {})] * 8)) == is_told

    @pytest.mark.parametrize(("requests", "is_told"), [(545, False), (548, True)])
    def test_the_z_score(self, requests: int, is_told: bool) -> None:
        """A volume is told above a z of 3.5."""
        middle = 2 * math.sqrt(300.375)
        assert ((2 * math.sqrt(requests + 0.375) - middle) / (0.1 * middle) > 3.5) == is_told
        found = find_anomalies(a_week(of(requests, price=0), {}), [a_week(of(300, price=0), {})] * 8)
        assert [each.kind for each in found] == (["requests"] if is_told else [])

    @pytest.mark.parametrize(("requests", "is_told"), [(19, False), (20, True)])
    def test_the_least_volume(self, requests: int, is_told: bool) -> None:
        """Twenty requests are enough where one is usual, and so are credits in units of their price."""
        for price in (1, 3):
            group = {"size": {"a": of(requests, price=price)}} if price == 3 else {}
            week = a_week(of(requests, price=price), group)
            usual = [a_week(of(1, price=price), {"size": {"a": of(1, price=price)}} if price == 3 else {})] * 8
            assert {each.kind for each in find_anomalies(week, usual)} == (
                {"requests", "credits"} if is_told else set()
            )
            assert set(low_power(week, usual)) & {"requests", "credits"} == (
                set() if is_told else {"requests", "credits"}
            )

    @pytest.mark.parametrize(
        ("weeks", "status", "severity"), [(3, "provisional", "warning"), (4, "confirmed", "critical")]
    )
    def test_the_weeks_that_confirm(self, weeks: int, status: str, severity: str) -> None:
        """Four earlier weeks confirm, and only eight are looked at."""
        (found,) = find_anomalies(a_week(of(1_000, price=0), {}), [a_week(of(300, price=0), {})] * weeks)
        assert (found.status, found.severity, found.baseline_weeks) == (status, severity, weeks)
        (failed,) = failing(290, 300, HISTORY[:weeks])
        assert failed.status == status
        (many,) = find_anomalies(a_week(of(1_000, price=0), {}), [a_week(of(300, price=0), {})] * 12)
        assert many.baseline_weeks == 8

    def test_with_four_weeks_the_z_score_decides(self) -> None:
        """Twice the usual is told with four earlier weeks, and not with three."""
        told = [
            bool(find_anomalies(a_week(of(600, price=0), {}), [a_week(of(300, price=0), {})] * weeks))
            for weeks in (3, 4)
        ]
        assert told == [False, True]

    @pytest.mark.parametrize(("peers", "is_judged"), [(4, False), (5, True)])
    def test_the_least_peers(self, peers: int, is_judged: bool) -> None:
        """Five other accounts are enough to judge one."""
        only = AccountWeek(user_id="ada", requests=200, credits=90_000, peak_day_credits=120)
        week = a_week(of(45_005), {}, top_accounts=(only,), active_accounts=peers + 1)
        assert [each.kind for each in find_anomalies(week, [])] == (["accountCredits"] if is_judged else [])
        assert ("accountCredits" in low_power(week, [])) != is_judged

    @pytest.mark.parametrize("past", [None, 5])
    @pytest.mark.parametrize("is_below", [True, False])
    def test_the_p_value_of_an_account(self, past: int | None, is_below: bool) -> None:
        """It is 0.01 where the account has a past, else 0.005."""
        limit = 0.005 if past is None else 0.01
        # Sixty peers with ten credits each on average, whose highest leaves the least spread.
        scale = 10 * math.exp(-0.5)
        low, high = (limit * 0.985, limit) if is_below else (limit, limit * 1.015)
        credits = next(
            each for each in range(100, 2_000) if low <= 61 * stats.lognorm.sf(each, 1.0, scale=scale) < high
        )
        spree = AccountWeek(user_id="ada", requests=9, credits=credits, peak_day_credits=90, previous_credits=past)
        other = AccountWeek(user_id="bob", requests=9, credits=10, peak_day_credits=9)
        totals = replace(of(300), credits_consumed=600 + credits)
        week = a_week(totals, {}, top_accounts=(spree, other), active_accounts=61)
        assert bool(find_anomalies(week, [])) == is_below

    @pytest.mark.parametrize(("past", "is_told"), [(166, True), (167, False)])
    def test_an_account_must_have_three_times_its_past(self, past: int, is_told: bool) -> None:
        """Three times exactly is enough."""
        spree = AccountWeek(user_id="ada", requests=9, credits=498, peak_day_credits=99, previous_credits=past)
        week = a_week(of((590 + 498) // 2), {}, top_accounts=(spree,), active_accounts=60)
        assert bool(find_anomalies(week, [])) == is_told

    @pytest.mark.parametrize(("peak", "is_told"), [(50, False), (51, True)])
    def test_the_credits_of_a_day_by_default(self, peak: int, is_told: bool) -> None:
        """An account is judged above 50 credits a day."""
        spree = AccountWeek(user_id="ada", requests=9, credits=900, peak_day_credits=peak)
        week = a_week(of((590 + 900) // 2), {}, top_accounts=(spree,), active_accounts=60)
        assert bool(find_anomalies(week, [])) == is_told
        few = replace(week, active_accounts=3)
        assert ("accountCredits" in low_power(few, [])) == is_told

    @pytest.mark.parametrize(("opened", "is_told"), [(5, False), (6, True)])
    def test_the_new_accounts_of_a_day_by_default(self, opened: int, is_told: bool) -> None:
        """A day is judged above five new accounts."""
        usual = [a_week(of(300, failed=15), new_accounts_by_day=(0,) * 7)] * 8
        week = a_week(of(300, failed=15), new_accounts_by_day=(opened, 0, 0, 0, 0, 0, 0))
        assert bool(find_anomalies(week, usual)) == is_told

    @pytest.mark.parametrize("is_below", [True, False])
    def test_the_p_value_of_new_accounts(self, is_below: bool) -> None:
        """A day is told below 0.001."""

        def p(a_week_: int, opened: int) -> float:
            mean = (8 * a_week_ + 0.5) / 56
            return float(7 * stats.nbinom.sf(opened - 1, min(8 * a_week_ + 0.5, 4.0), 4 / (4 + mean)))

        cases = ((each, opened) for each in range(10, 300) for opened in range(each // 3, each * 2))
        each, opened = near(0.001, is_below, p, cases)
        days = np.full(7, each // 7)
        days[: each % 7] += 1
        usual = [a_week(of(300, failed=15), new_accounts_by_day=tuple(days.tolist()))] * 8
        week = a_week(of(300, failed=15), new_accounts_by_day=(opened, 0, 0, 0, 0, 0, 0))
        assert bool(find_anomalies(week, usual)) == is_below

    @pytest.mark.parametrize(("failed", "severity"), [(149, "warning"), (150, "critical")])
    def test_half_of_the_requests_failing_is_critical(self, failed: int, severity: str) -> None:
        """Even where it is provisional."""
        (found,) = failing(failed, 300, [])
        assert found.severity == severity


class TestOrder:
    def test_critical_and_confirmed_come_first(self) -> None:
        """What is critical is first; of equal severity, what is confirmed."""
        spree = AccountWeek(user_id="new", requests=9, credits=900, peak_day_credits=99)
        week = a_week(of(300, failed=40), {}, top_accounts=(spree,), active_accounts=60)
        week = replace(week, new_accounts_by_day=(40, 0, 0, 0, 0, 0, 0))
        found = find_anomalies(replace(week, totals=replace(week.totals, credits_consumed=1_490)), HISTORY)
        keys = [(each.severity, each.status) for each in found]
        assert keys == sorted(keys, key=lambda key: (key[0] != "critical", key[1] != "confirmed"))
        assert len(set(keys)) >= 2
        assert keys[0] == ("critical", "confirmed")

    def test_one_week_is_told_in_the_singular(self) -> None:
        """The sentence says 1 week, and 2 weeks."""
        (one,) = failing(150, 300, HISTORY[:1])
        (two,) = failing(150, 300, HISTORY[:2])
        assert one.message.endswith("is usual over 1 week.")
        assert two.message.endswith("is usual over 2 weeks.")
