"""Owns which numbers of a week are unlike the weeks before beyond chance, and the sentence that says so.

Pure: reports go in, anomalies come out. Knows no Firestore, no clock, and not how reports are made or shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Literal

from imagegen.reports.records import AccountWeek, Anomaly, Totals, WeeklyReport
from imagegen.reports.significance import (
    benjamini_hochberg,
    beta_binomial_tail,
    log_normal_spread,
    log_normal_tail,
    negative_binomial_tail,
    robust_z,
)

REQUESTS = "requests"
CREDITS = "credits"
FAILURE_RATE = "failureRate"
ACCOUNT_CREDITS = "accountCredits"
NEW_ACCOUNTS = "newAccounts"

BASELINE_WEEKS = 8
# With fewer weeks of baseline an anomaly is provisional.
CONFIRMING_WEEKS = 4

_Z_LIMIT = 3.5
_RATIO_LIMIT = 1.6
# Enough to be critical, and to be told of on one to three weeks of baseline.
_LARGE_RATIO = 3.0
_LEAST_COUNT = 20

_LEAST_ENDED = 20
_LEAST_FAILED = 3
_OVERALL_P = 0.005
_OVERALL_POINTS = 0.03
_GROUP_FALSE_DISCOVERIES = 0.02
_GROUP_POINTS = 0.05
# By how much a group must differ from the rest of its week where the whole week is bad.
_STANDS_OUT_P = 0.05
# Before anything is known, 5% of requests fail, known as well as from 10 of them.
_PRIOR_FAILED = 0.5
_PRIOR_COMPLETED = 9.5
# Rates drift, so that a long history counts as no more than this many requests.
_MOST_HISTORY = 600

# An account's own past is evidence of its own; without one, its peers have to be all of it.
_ACCOUNT_P_WITH_PAST = 0.01
_ACCOUNT_P_ALONE = 0.005
# Accounts differ at least so much: one of six spends 2.7 times what the median one does.
_LEAST_ACCOUNTS_SPREAD = 1.0
_LEAST_PEERS = 5

_NEW_ACCOUNTS_P = 0.001
# The means of days vary by half of their mean (weekdays, campaigns): 1 / 0.5**2.
_DAYS_SHAPE = 4.0


def find_anomalies(
    current: WeeklyReport,
    history: Sequence[WeeklyReport],
    *,
    account_credits_a_day: int = 50,
    new_accounts_a_day: int = 5,
) -> list[Anomaly]:
    """Return what is unusual in a week, the most severe first.

    `history` holds the earlier reports, newest first; the first `BASELINE_WEEKS` of them are used. An account is looked
    at that was charged more than `account_credits_a_day` on one day, and a day with more than `new_accounts_a_day`.
    """
    baseline = history[:BASELINE_WEEKS]
    found = [
        *_volumes(current, baseline),
        *_failures(current, baseline),
        *_accounts(current, account_credits_a_day),
        *_new_accounts(current, baseline, new_accounts_a_day),
    ]
    return sorted(found, key=lambda anomaly: (anomaly.severity != "critical", anomaly.status != "confirmed"))


def low_power(
    current: WeeklyReport, history: Sequence[WeeklyReport], *, account_credits_a_day: int = 50
) -> tuple[str, ...]:
    """Return what the week is too small to be judged by: `requests`, `failureRate`, `failureRate:model=model-b`.

    Volumes without a history are not named: that is a lack of weeks, which more requests would not mend.
    """
    baseline = history[:BASELINE_WEEKS]
    names = [
        kind for kind, value, earlier, unit in _measures(current, baseline) if not _can_judge(value, earlier, unit)
    ]
    if _ended(current.totals) < _LEAST_ENDED:
        names.append(FAILURE_RATE)
    names += [
        f"{FAILURE_RATE}:{dimension}={value}"
        for dimension, value, group, _ in _groups(current, baseline)
        if _ended(group) < _LEAST_ENDED
    ]
    suspects = _suspects(current, account_credits_a_day)
    if suspects and _peers(current, suspects) < _LEAST_PEERS:
        names.append(ACCOUNT_CREDITS)
    return tuple(names)


def _volumes(current: WeeklyReport, baseline: Sequence[WeeklyReport]) -> Iterator[Anomaly]:
    """Compare requests and credits with the median week, on the scale where Poisson noise is 1."""
    for kind, value, earlier, unit in _measures(current, baseline):
        if not _can_judge(value, earlier, unit):
            continue
        usual = median(earlier)
        z = robust_z(value / unit, [each / unit for each in earlier])
        if len(earlier) < CONFIRMING_WEEKS:
            unusual = _is_beyond(value, usual, _LARGE_RATIO, inclusive=True)
        else:
            unusual = abs(z) > _Z_LIMIT and _is_beyond(value, usual, _RATIO_LIMIT)
        if unusual:
            what = "requests were made" if kind == REQUESTS else "credits were charged"
            yield _anomaly(
                kind,
                observed=value,
                expected=usual,
                score=z,
                score_kind="z",
                baseline_weeks=len(earlier),
                message=f"{value:,} {what}, {_compared(value, usual)} over {_weeks(len(earlier))}.",
            )


def _measures(current: WeeklyReport, baseline: Sequence[WeeklyReport]) -> Iterator[tuple[str, int, list[int], float]]:
    """Yield kind, value, earlier values and the unit in which the value is as noisy as a Poisson count."""
    if not baseline:
        return
    yield REQUESTS, current.totals.requests, [week.totals.requests for week in baseline], 1.0
    credits = current.totals.credits_consumed
    yield CREDITS, credits, [week.totals.credits_consumed for week in baseline], _credits_unit([current, *baseline])


def _credits_unit(weeks: Sequence[WeeklyReport]) -> float:
    """Return E[c^2] / E[c] of the prices c, which the breakdown by size holds, since the size alone sets the price.

    A sum of prices has the variance `requests * E[c^2]`, so that divided by this it has its mean's, as Poisson counts.
    """
    sizes = [size for week in weeks for size in week.by_dimension.get("size", {}).values() if size.requests]
    credits = sum(size.credits_consumed for size in sizes)
    return sum(size.credits_consumed**2 / size.requests for size in sizes) / credits if credits else 1.0


def _can_judge(value: int, earlier: Sequence[int], unit: float) -> bool:
    return max(value, median(earlier)) >= _LEAST_COUNT * unit


def _is_beyond(value: float, usual: float, factor: float, *, inclusive: bool = False) -> bool:
    """Return whether a value is above a multiple of the usual one or below the same fraction of it."""
    larger, smaller = max(value, usual), factor * min(value, usual)
    return larger >= smaller if inclusive else larger > smaller


def _failures(current: WeeklyReport, baseline: Sequence[WeeklyReport]) -> Iterator[Anomaly]:
    """Compare the failure rate of the week and of each value of each dimension with what it was.

    The values are many and are tested by their rate of false discoveries. Where the week as a whole is bad, one broken
    model makes every style look bad, and so only those values are told of that also stand out from the week's rest.
    """
    earlier = [week.totals for week in baseline]
    week_is_bad = False
    if _ended(current.totals) >= _LEAST_ENDED:
        p = _failure_p(current.totals, earlier)
        week_is_bad = p < _OVERALL_P and _is_worse(current.totals, earlier, _OVERALL_POINTS)
        if week_is_bad:
            yield _failure_anomaly(None, None, current.totals, earlier, p)
    groups = [group for group in _groups(current, baseline) if _ended(group[2]) >= _LEAST_ENDED]
    p_values = [_failure_p(group, before) for _, _, group, before in groups]
    believed = benjamini_hochberg(p_values, _GROUP_FALSE_DISCOVERIES)
    for (dimension, value, group, before), p, is_believed in zip(groups, p_values, believed, strict=True):
        if not is_believed or not _is_worse(group, before, _GROUP_POINTS):
            continue
        if not week_is_bad or _stands_out(group, current.totals):
            yield _failure_anomaly(dimension, value, group, before, p)


def _groups(current: WeeklyReport, baseline: Sequence[WeeklyReport]) -> Iterator[tuple[str, str, Totals, list[Totals]]]:
    """Yield dimension, value, its totals and those of the earlier weeks that had it, for what the week has."""
    for dimension, values in current.by_dimension.items():
        before: list[Mapping[str, Totals]] = [week.by_dimension.get(dimension, {}) for week in baseline]
        for value, group in values.items():
            if group.requests:
                yield dimension, value, group, [week[value] for week in before if value in week]


def _ended(totals: Totals) -> int:
    """Return the requests whose outcome counts; pending ones have none yet, cancelled ones are no failures."""
    return totals.completed + totals.failed


def _failure_p(totals: Totals, earlier: Sequence[Totals]) -> float:
    """Return how probable as many failures are if the rate is as before, by a beta-binomial predictive."""
    failed, ended = sum(each.failed for each in earlier), sum(map(_ended, earlier))
    weight = min(1.0, _MOST_HISTORY / ended) if ended else 0.0
    alpha, beta = _PRIOR_FAILED + weight * failed, _PRIOR_COMPLETED + weight * (ended - failed)
    return beta_binomial_tail(totals.failed, _ended(totals), alpha, beta)


def _usual_rate(earlier: Sequence[Totals]) -> float:
    failed, ended = sum(each.failed for each in earlier), sum(map(_ended, earlier))
    return (_PRIOR_FAILED + failed) / (_PRIOR_FAILED + _PRIOR_COMPLETED + ended)


def _is_worse(totals: Totals, earlier: Sequence[Totals], points: float) -> bool:
    rate = totals.failed / _ended(totals)
    return totals.failed >= _LEAST_FAILED and rate - _usual_rate(earlier) >= points


def _stands_out(group: Totals, week: Totals) -> bool:
    """Return whether a group fails more than the rest of its week does."""
    rest = Totals(completed=week.completed - group.completed, failed=week.failed - group.failed)
    if not _ended(rest):
        return False
    points = group.failed / _ended(group) - rest.failed / _ended(rest)
    return points >= _GROUP_POINTS and _failure_p(group, [rest]) < _STANDS_OUT_P


def _failure_anomaly(
    dimension: str | None, value: str | None, totals: Totals, earlier: Sequence[Totals], p: float
) -> Anomaly:
    ended, weeks = _ended(totals), sum(1 for each in earlier if _ended(each))
    rate, usual = totals.failed / ended, _usual_rate(earlier)
    if dimension is None:
        observed = f"{rate:.1%} of {ended:,} requests failed"
    else:
        observed = f"{dimension.capitalize()} {value} failed {rate:.1%} of {ended:,} requests"
    compared = (
        f"{usual:.1%} is usual over {_weeks(weeks)}" if weeks else f"without earlier weeks {usual:.1%} is assumed"
    )
    return _anomaly(
        FAILURE_RATE,
        dimension=dimension,
        value=value,
        observed=rate,
        expected=usual,
        score=p,
        score_kind="p",
        baseline_weeks=weeks,
        message=f"{observed}; {compared}.",
    )


def _accounts(current: WeeklyReport, credits_a_day: int) -> Iterator[Anomaly]:
    """Tell of accounts that spent far more than the others of the week, and than they did the week before.

    What accounts spend is taken as log-normal, with the mean and the highest of those that are above suspicion; the
    probability is that any of the active accounts spends so much. From the lowest suspect up, each that is cleared
    counts among them when the next is judged: two culprits do not hide each other, big customers clear each other.
    """
    suspects = sorted(_suspects(current, credits_a_day), key=lambda account: account.credits)
    peers = _peers(current, suspects)
    if not suspects or peers < _LEAST_PEERS:
        return
    active = peers + len(suspects)
    peers_credits = current.totals.credits_consumed - sum(account.credits for account in suspects)
    highest = max((account.credits for account in current.top_accounts if account not in suspects), default=0)
    for account in suspects:
        # Every active account was charged a credit at least.
        usual = max(1.0, peers_credits / peers)
        spread = max(_LEAST_ACCOUNTS_SPREAD, log_normal_spread(max(highest, usual), usual, peers))
        p = min(1.0, active * log_normal_tail(account.credits, usual, spread))
        past = account.previous_credits
        if past is None:
            unusual = p < _ACCOUNT_P_ALONE
        else:
            unusual = p < _ACCOUNT_P_WITH_PAST and account.credits >= _LARGE_RATIO * past
        if not unusual:
            peers, peers_credits, highest = peers + 1, peers_credits + account.credits, max(highest, account.credits)
            continue
        before = "" if past is None else f", and {past:,} the week before"
        yield _anomaly(
            ACCOUNT_CREDITS,
            dimension="account",
            value=account.user_id,
            observed=account.credits,
            expected=usual,
            score=p,
            score_kind="p",
            baseline_weeks=0 if past is None else 1,
            # Its own past settles it: of a new account only its peers are known.
            status="provisional" if past is None else "confirmed",
            message=f"Account {account.user_id} was charged {account.credits:,} credits, up to "
            f"{account.peak_day_credits:,} a day{before}; the other active accounts average {usual:,.1f} a week.",
        )


def _suspects(current: WeeklyReport, credits_a_day: int) -> list[AccountWeek]:
    return [account for account in current.top_accounts if account.peak_day_credits > credits_a_day]


def _peers(current: WeeklyReport, suspects: Sequence[AccountWeek]) -> int:
    """Return how many active accounts there are to compare with; none where that is not known."""
    return max(0, (current.active_accounts or 0) - len(suspects))


def _new_accounts(current: WeeklyReport, baseline: Sequence[WeeklyReport], a_day: int) -> Iterator[Anomaly]:
    """Tell of days on which more accounts were opened than the usual day's spread allows, among the week's seven."""
    if not baseline:
        return
    weeks = len(baseline)
    usual = median(week.new_accounts for week in baseline) / 7
    # Half an account more than was seen, since a few weeks without one do not prove that none ever comes.
    seen = 7 * weeks * usual + 0.5
    for day, opened in enumerate(current.new_accounts_by_day):
        if opened <= a_day:
            continue
        p = min(1.0, 7 * negative_binomial_tail(opened, min(seen, _DAYS_SHAPE), seen / (7 * weeks)))
        if p < _NEW_ACCOUNTS_P:
            date = current.week.start_at + timedelta(days=day)
            yield _anomaly(
                NEW_ACCOUNTS,
                dimension="day",
                value=f"{date:%Y-%m-%d}",
                observed=opened,
                expected=usual,
                score=p,
                score_kind="p",
                baseline_weeks=weeks,
                message=f"{opened:,} accounts were opened on {date:%A, %Y-%m-%d}; "
                f"{usual:.1f} a day is usual over {_weeks(weeks)}.",
            )


def _anomaly(
    kind: str,
    *,
    dimension: str | None = None,
    value: str | None = None,
    observed: float,
    expected: float,
    score: float,
    score_kind: Literal["z", "p"],
    baseline_weeks: int,
    status: Literal["confirmed", "provisional"] | None = None,
    message: str,
) -> Anomaly:
    """Fill in what follows from the rest: ratio, severity and, where the weeks decide it, status.

    Critical is what is confirmed and three times the usual or a third of it, and whenever half of the requests fail.
    """
    if status is None:
        status = "confirmed" if baseline_weeks >= CONFIRMING_WEEKS else "provisional"
    is_large = status == "confirmed" and _is_beyond(observed, expected, _LARGE_RATIO, inclusive=True)
    return Anomaly(
        kind=kind,
        dimension=dimension,
        value=value,
        observed=observed,
        expected=expected,
        ratio=observed / expected if expected else None,
        score=score,
        score_kind=score_kind,
        baseline_weeks=baseline_weeks,
        severity="critical" if is_large or (kind == FAILURE_RATE and observed >= 0.5) else "warning",
        status=status,
        message=message,
    )


def _compared(value: float, usual: float) -> str:
    if not usual:
        return "where none is usual"
    share = f"{value / usual:.1f} times" if value >= usual else f"{value / usual:.0%} of"
    return f"{share} the usual {usual:,.0f}"


def _weeks(count: int) -> str:
    return "1 week" if count == 1 else f"{count} weeks"
