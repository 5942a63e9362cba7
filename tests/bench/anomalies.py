"""Owns `make bench-anomalies`: false-positive rate and power of the anomaly tests, on simulated weeks.

Must not know how anomalies are found: it passes reports to `find_anomalies`, and to fixed rules in common use.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np

from imagegen.kit.weeks import Week
from imagegen.reports.anomalies import ACCOUNT_CREDITS, FAILURE_RATE, NEW_ACCOUNTS, REQUESTS, find_anomalies
from imagegen.reports.records import AccountWeek, Anomaly, Totals, WeeklyReport

HISTORY_WEEKS = 8
WEEK_CV = 0.15
FAILURE_RATE_MEAN = 0.05
# The standard deviation of a week's failure rate in log odds: 4.3% to 5.8% in two weeks of three.
FAILURE_RATE_JITTER = 0.15
BROKEN_MODEL = "model-b"
BROKEN_FAILURE_RATE = 0.15
PRICES = {"512x512": 1, "1024x1024": 3, "1024x1792": 4}
SHARES: Mapping[str, Mapping[str, float]] = {
    "model": {"model-a": 0.5, BROKEN_MODEL: 0.5},
    "style": dict.fromkeys(("realistic", "anime", "oil-painting", "sketch", "cyberpunk", "watercolor"), 1 / 6),
    "color": dict.fromkeys(("vibrant", "monochrome", "pastel", "neon", "vintage"), 0.2),
    "size": {"512x512": 0.5, "1024x1024": 0.3, "1024x1792": 0.2},
}
CELLS = list(product(*SHARES.values()))
CELL_SHARES = np.array(
    [np.prod([SHARES[dimension][value] for dimension, value in zip(SHARES, cell, strict=True)]) for cell in CELLS]
)
CELL_PRICES = np.array([PRICES[cell[-1]] for cell in CELLS])
CELL_IS_BROKEN = np.array([cell[0] == BROKEN_MODEL for cell in CELLS])
# For each dimension and value, the cells that it consists of.
MEMBERS = {
    dimension: {value: np.array([cell[axis] == value for cell in CELLS]) for value in values}
    for axis, (dimension, values) in enumerate(SHARES.items())
}
REQUESTS_PER_ACCOUNT = 5
NEW_ACCOUNTS_PER_REQUEST = 1 / 50
# What an anomalous account is charged above its usual, 75 a day for 4 days, and the extra accounts of a burst.
SPREE_CREDITS = 300
SIGN_UPS = 20

# The requests of a week, and the number of trials.
LEVELS = {30: 4000, 300: 4000, 3000: 1000}
SCENARIOS = {
    "clean": "clean weeks flagged",
    "surge": "3.5-fold weeks found",
    "slump": "0.3-fold weeks found",
    "failures": "model failing 15% found",
    "spree": "account's +300 found",
    "sign-ups": "20 more new accounts found",
}
FACTORS = {"surge": 3.5, "slump": 0.3}
# The maximum for clean weeks, the minimum for the others, in percent.
BARS = {
    300: {"clean": 3.5, "surge": 97.0, "slump": 90.0, "failures": 73.0},
    3000: {"surge": 99.0, "slump": 94.0, "failures": 98.0},
}


def main() -> int:
    """Print each figure with its bar; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="make bench-anomalies", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulation (default: %(default)s)")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="factor for the number of trials (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.seed < 0 or options.scale <= 0:
        parser.error("--seed must be 0 or more, and --scale more than 0")
    started = time.monotonic()
    rows: list[dict[str, Any]] = []
    for requests, trials in LEVELS.items():
        rows += measure(requests, max(1, round(trials * options.scale)), options.seed)
    if options.json:
        print(json.dumps({"seed": options.seed, "seconds": round(time.monotonic() - started, 1), "rows": rows}))
    else:
        print_table(rows)
        print(f"seed {options.seed}, {time.monotonic() - started:.0f} s")
    return 0 if all(row["met"] is not False for row in rows) else 1


def measure(requests: int, trials: int, seed: int) -> list[dict[str, Any]]:
    """Return a row for each scenario: percentages for the tests, for the fixed rules, and the bar."""
    ours, fixed = dict.fromkeys(SCENARIOS, 0), dict.fromkeys(SCENARIOS, 0)
    without_rule = set()
    for trial, (history, currents) in enumerate(simulate(requests, trials, np.random.default_rng(seed + requests))):
        for scenario, current in currents.items():
            ours[scenario] += is_hit(scenario, find_anomalies(current, history))
            fixed_hit = is_hit_by_fixed_rules(scenario, current, history[0])
            fixed[scenario] += fixed_hit or 0
            if fixed_hit is None:
                without_rule.add(scenario)
        if sys.stderr.isatty() and (trial % 50 == 0 or trial == trials - 1):
            end = "\n" if trial == trials - 1 else ""
            print(f"\r{requests:>5} requests a week: trial {trial + 1:,} of {trials:,}", end=end, file=sys.stderr)
    rows = []
    for scenario in SCENARIOS:
        percent, bar = 100 * ours[scenario] / trials, BARS.get(requests, {}).get(scenario)
        met = None if bar is None else percent <= bar if scenario == "clean" else percent >= bar
        rows.append(
            {
                "requests": requests,
                "scenario": scenario,
                "trials": trials,
                "percent": round(percent, 2),
                "bar": bar,
                "met": met,
                "fixed_rules_percent": None if scenario in without_rule else round(100 * fixed[scenario] / trials, 2),
            }
        )
    return rows


def is_hit(scenario: str, found: list[Anomaly]) -> bool:
    """Return whether a clean week is flagged at all, or a broken one for its planted anomaly."""
    match scenario:
        case "clean":
            return bool(found)
        case "failures":
            return any(each.kind == FAILURE_RATE and each.value in (None, BROKEN_MODEL) for each in found)
        case "spree":
            return any(each.kind == ACCOUNT_CREDITS for each in found)
        case "sign-ups":
            return any(each.kind == NEW_ACCOUNTS for each in found)
        case _:
            wanted = FACTORS[scenario] > 1
            return any(each.kind == REQUESTS and (each.observed > each.expected) == wanted for each in found)


def is_hit_by_fixed_rules(scenario: str, current: WeeklyReport, last: WeeklyReport) -> bool | None:
    """Apply the fixed rules: 3 times last week, success rate halved, failures above 15% or twice last week's.

    Failure rules are applied to the week and to each model; a third of last week counts as 3 times does. They have no
    rule for accounts, which gives None.
    """
    now, before = current.totals.requests, last.totals.requests
    surge, slump = now >= 3 * before, 3 * now <= before
    pairs: list[tuple[Totals, Totals | None]] = [(current.totals, last.totals)]
    pairs += [(each, last.by_dimension["model"].get(name)) for name, each in current.by_dimension["model"].items()]
    failures = any(_fails_fixed_rules(each, earlier) for each, earlier in pairs)
    answers = {"clean": surge or slump or failures, "surge": surge, "slump": slump, "failures": failures}
    return answers.get(scenario)


def _fails_fixed_rules(now: Totals, last: Totals | None) -> bool:
    if now.success_rate is None:
        return False
    if last is None or last.success_rate is None:
        return 1 - now.success_rate > 0.15
    halved = now.success_rate <= last.success_rate / 2
    return halved or 1 - now.success_rate > 0.15 or 1 - now.success_rate > 2 * (1 - last.success_rate)


def simulate(
    requests: int, trials: int, random: np.random.Generator
) -> Iterator[tuple[list[WeeklyReport], dict[str, WeeklyReport]]]:
    """Yield for each trial its earlier weeks, newest first, and one current week for each scenario."""
    earlier = [WeekDraws(requests, trials, random) for _ in range(HISTORY_WEEKS)]
    currents = {
        scenario: WeekDraws(
            requests * FACTORS.get(scenario, 1.0),
            trials,
            random,
            broken=scenario,
        )
        for scenario in SCENARIOS
    }
    this_week = datetime(2026, 11, 9, tzinfo=UTC)
    for trial in range(trials):
        history = [week.report(trial, this_week - timedelta(weeks=back + 1)) for back, week in enumerate(earlier)]
        yield history, {scenario: week.report(trial, this_week) for scenario, week in currents.items()}


class WeekDraws:
    """The counts of one week in all trials: gamma-Poisson requests in each cell, and their failures."""

    def __init__(
        self,
        requests: float,
        trials: int,
        random: np.random.Generator,
        broken: str = "",
    ) -> None:
        shape = 1 / WEEK_CV**2
        level = random.gamma(shape, requests / shape, size=(trials, 1))
        cells = random.poisson(level * CELL_SHARES)
        broken_rate = BROKEN_FAILURE_RATE if broken == "failures" else FAILURE_RATE_MEAN
        rates = np.where(CELL_IS_BROKEN, broken_rate, FAILURE_RATE_MEAN)
        log_odds = np.log(rates / (1 - rates)) + random.normal(0, FAILURE_RATE_JITTER, size=(trials, 1))
        failed = random.binomial(cells, 1 / (1 + np.exp(-log_odds)))
        self.groups: dict[tuple[str, str], Any] = {
            (dimension, value): _sums(cells, failed, members)
            for dimension, values in MEMBERS.items()
            for value, members in values.items()
        }
        self.totals = _sums(cells, failed, np.ones(len(CELLS), dtype=bool))
        # Days vary by half of their mean, as with weekdays and campaigns.
        self.new_accounts = random.poisson(random.gamma(4, requests * NEW_ACCOUNTS_PER_REQUEST / 7 / 4, (trials, 7)))
        if broken == "sign-ups":
            self.new_accounts[:, 3] += SIGN_UPS
        self.has_spree = broken == "spree"
        self.random = random

    def report(self, trial: int, start_at: datetime) -> WeeklyReport:
        """Return one trial's week as a report."""
        totals = _totals(self.totals[trial])
        accounts = self._accounts(totals)
        if self.has_spree:
            totals = replace(totals, credits_consumed=totals.credits_consumed + SPREE_CREDITS)
        by_dimension: dict[str, dict[str, Totals]] = {dimension: {} for dimension in MEMBERS}
        for (dimension, value), sums in self.groups.items():
            if sums[trial][0]:
                by_dimension[dimension][value] = _totals(sums[trial])
        return WeeklyReport(
            week=Week(start_at),
            generated_at=start_at + timedelta(days=7),
            totals=totals,
            by_dimension=by_dimension,
            new_accounts_by_day=tuple(self.new_accounts[trial].tolist()),
            **accounts,
        )

    def _accounts(self, totals: Totals) -> dict[str, Any]:
        """Spread the week's credits over its accounts, log-normally: a few spend ten times the typical amount.

        Half of the variance is constant for an account, and half changes by week; one account of ten is new.
        """
        active = max(1, totals.requests // REQUESTS_PER_ACCOUNT)
        for_good, this_week, last_week = self.random.normal(0, 0.5**0.5, size=(3, active))
        shares = np.exp(for_good + this_week)
        per_share = totals.credits_consumed / shares.sum()
        credits = (shares * per_share).round().astype(int)
        past = (np.exp(for_good + last_week) * per_share).round().astype(int)
        peaks = credits // 2
        if self.has_spree:
            credits[0] += SPREE_CREDITS
            peaks[0] += SPREE_CREDITS // 4
        is_new = self.random.random(active) < 0.1
        top = tuple(
            AccountWeek(
                user_id=f"u{index}",
                requests=int(credits[index]),
                credits=int(credits[index]),
                peak_day_credits=int(peaks[index]),
                previous_credits=None if is_new[index] else int(past[index]),
            )
            for index in np.argsort(-credits)[:10]
        )
        return {"active_accounts": active, "top_accounts": top}


def _sums(cells: Any, failed: Any, members: Any) -> list[list[int]]:
    prices = CELL_PRICES[members]
    requests, lost = cells[:, members], failed[:, members]
    columns = (requests.sum(axis=1), lost.sum(axis=1), requests @ prices, lost @ prices)
    rows: list[list[int]] = np.stack(columns, axis=1).tolist()
    return rows


def _totals(sums: list[int]) -> Totals:
    requests, failed, charged, refunded = sums
    return Totals(
        requests=requests,
        completed=requests - failed,
        failed=failed,
        credits_consumed=charged,
        credits_refunded=refunded,
    )


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print each figure with its bar and the result of the fixed rules."""
    print(f"{'requests':>8}  {'':<26}{'trials':>7}{'found':>9}{'bar':>10}{'':>8}{'fixed rules':>13}")
    for row in rows:
        sign = "<=" if row["scenario"] == "clean" else ">="
        bar = "" if row["bar"] is None else f"{sign} {row['bar']:.1f}%"
        fixed = "no rule" if row["fixed_rules_percent"] is None else f"{row['fixed_rules_percent']:.1f}%"
        met = {None: "", True: "met", False: "MISSED"}[row["met"]]
        print(
            f"{row['requests']:>8,}  {SCENARIOS[row['scenario']]:<26}{row['trials']:>7,}{row['percent']:>8.1f}%"
            f"{bar:>10}{met:>8}{fixed:>13}"
        )


if __name__ == "__main__":
    sys.exit(main())
