"""Owns the detection of anomalies: numbers of a week that differ significantly from the weeks before, and the message.

Pure: from reports to anomalies. Must not know Firestore, the clock, nor how reports are built or shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
# A ratio that makes an anomaly critical; also required with only one to three weeks of baseline.
_LARGE_RATIO = 3.0
_MIN_COUNT = 20

_MIN_ENDED = 20
_MIN_FAILED = 3
_OVERALL_P = 0.005
_OVERALL_POINTS = 0.03
_GROUP_FALSE_DISCOVERIES = 0.02
_GROUP_POINTS = 0.05
# Values explain a bad week unless what they leave of it has a smaller p-value than this, and is worse than usual.
_SUSPICIOUS_P = 0.05
# The prior of the failure rate: 5%, with the weight of 10 requests.
_PRIOR_FAILED = 0.5
_PRIOR_COMPLETED = 9.5
# Rates drift: a longer history has at most the weight of this many requests.
_MAX_HISTORY = 600

# The limits of the p-value: with the account's own past as further evidence, and with its peers as the only evidence.
_ACCOUNT_P_WITH_PAST = 0.01
_ACCOUNT_P_ALONE = 0.005
# The minimum spread of accounts (sigma of the logarithm): one of six spends more than 2.7 times the median.
_MIN_ACCOUNTS_SPREAD = 1.0
_MIN_PEERS = 5

_NEW_ACCOUNTS_P = 0.001
# The daily means vary by half of their mean (weekdays, campaigns): shape = 1 / 0.5**2.
_DAYS_SHAPE = 4.0


def find_anomalies(
    current: WeeklyReport,
    history: Sequence[WeeklyReport],
    *,
    account_credits_a_day: int = 50,
    new_accounts_a_day: int = 5,
) -> list[Anomaly]:
    """Return the anomalies of a week, the most severe first.

    `history` holds the earlier reports, newest first; the first `BASELINE_WEEKS` of them are used. Only accounts that
    were charged more than `account_credits_a_day` on one day are tested, and only days with more than
    `new_accounts_a_day` new accounts.
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
    """Return the tests for which the week has too little data, such as `requests` or `failureRate:model=model-b`.

    Volumes without a history are left out: they need more weeks, not more requests.
    """
    baseline = history[:BASELINE_WEEKS]
    names = [
        kind for kind, value, earlier, unit in _measures(current, baseline) if not _can_judge(value, earlier, unit)
    ]
    if _ended(current.totals) < _MIN_ENDED:
        names.append(FAILURE_RATE)
    names += [
        f"{FAILURE_RATE}:{group.dimension}={group.value}"
        for group in _groups(current, baseline)
        if _ended(group.totals) < _MIN_ENDED
    ]
    suspects = _suspects(current, account_credits_a_day)
    if suspects and _peers(current, suspects) < _MIN_PEERS:
        names.append(ACCOUNT_CREDITS)
    return tuple(names)


def _volumes(current: WeeklyReport, baseline: Sequence[WeeklyReport]) -> Iterator[Anomaly]:
    """Compare requests and credits with the median week, on a scale where Poisson noise has variance 1."""
    for kind, value, earlier, unit in _measures(current, baseline):
        if not _can_judge(value, earlier, unit):
            continue
        usual = median(earlier)
        z = robust_z(value / unit, [each / unit for each in earlier])
        # The spread is at least a tenth of the median: such a z is more than 1.8 times the usual.
        unusual = _is_large(value, usual) if len(earlier) < CONFIRMING_WEEKS else abs(z) > _Z_LIMIT
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
    """Yield kind, value, earlier values, and the unit in which the value has the variance of a Poisson count."""
    if not baseline:
        return
    yield REQUESTS, current.totals.requests, [week.totals.requests for week in baseline], 1.0
    credits = current.totals.credits_consumed
    yield CREDITS, credits, [week.totals.credits_consumed for week in baseline], _credits_unit([current, *baseline])


def _credits_unit(weeks: Sequence[WeeklyReport]) -> float:
    """Return E[c^2] / E[c] of the prices c, from the breakdown by size, because the price depends only on the size.

    A sum of prices has the variance `requests * E[c^2]`. Divided by this unit, its variance equals its mean, as for a
    Poisson count.
    """
    sizes = [size for week in weeks for size in week.by_dimension.get("size", {}).values() if size.requests]
    credits = sum(size.credits_consumed for size in sizes)
    return sum(size.credits_consumed**2 / size.requests for size in sizes) / credits if credits else 1.0


def _can_judge(value: int, earlier: Sequence[int], unit: float) -> bool:
    return max(value, median(earlier)) >= _MIN_COUNT * unit


def _is_large(value: float, usual: float) -> bool:
    """Return whether a value is at least three times the usual one, or at most a third of it."""
    return max(value, usual) >= _LARGE_RATIO * min(value, usual)


@dataclass(frozen=True)
class _Group:
    """Requests of a week, and those of the weeks before: of one value of a dimension, or of the whole week (None)."""

    dimension: str | None
    value: str | None
    totals: Totals
    earlier: Sequence[Totals]


@dataclass(frozen=True)
class _Cause:
    """A group whose failures are significant, and the rate by which it raises the failures of the whole week."""

    group: _Group
    p: float
    raised_rate: float


def _failures(current: WeeklyReport, baseline: Sequence[WeeklyReport]) -> Iterator[Anomaly]:
    """Compare the failure rates of the week, and of each value of each dimension, with the weeks before.

    There are many values, so their tests control the false discovery rate. One broken model makes the week, every style
    and every size look bad. So causes are taken one after the other (forward selection): what a cause explains is added
    to what is expected of the other groups, and these are tested again. In a bad week the first cause is a value
    without which the week is not bad; if there is none, it is the week, which is dropped if the values found after it
    explain it together.
    """
    ended = _ended(current.totals)
    if ended < _MIN_ENDED:
        return
    week = _Group(None, None, current.totals, [each.totals for each in baseline])
    groups = [group for group in _groups(current, baseline) if _ended(group.totals) >= _MIN_ENDED]
    causes: list[_Cause] = []
    candidates = _candidates(groups, causes, ended)
    week_p = _failure_p(week)
    if week_p < _OVERALL_P and _is_worse(week, _OVERALL_POINTS):
        candidates = [cause for cause in candidates if _explains(cause.group, week)]
        if not candidates:
            causes.append(_Cause(week, week_p, _excess_rate(week)))
            candidates = _candidates(groups, causes, ended)
    while candidates:
        # The cause that explains most: a true one is in all groups that it makes look bad.
        causes.append(max(candidates, key=lambda cause: cause.raised_rate))
        candidates = _candidates(groups, causes, ended)
    if causes and causes[0].group is week:
        # Several values together may explain the week (backward elimination).
        explained = sum(_excess_rate(cause.group) * _ended(cause.group.totals) for cause in causes[1:]) / ended
        if not _is_suspicious(week, explained):
            del causes[0]
    for cause in causes:
        yield _failure_anomaly(cause.group, cause.p)


def _candidates(groups: Sequence[_Group], causes: Sequence[_Cause], ended: int) -> list[_Cause]:
    """Return the groups that are significantly worse than usual even with what the causes explain."""
    raised = [_explained_rate(group, causes) for group in groups]
    p_values = list(map(_failure_p, groups, raised))
    believed = benjamini_hochberg(p_values, _GROUP_FALSE_DISCOVERIES)
    return [
        _Cause(group, p, _excess_rate(group, rate) * _ended(group.totals) / ended)
        for group, rate, p, is_believed in zip(groups, raised, p_values, believed, strict=True)
        if is_believed and _is_worse(group, _GROUP_POINTS, rate) and all(cause.group is not group for cause in causes)
    ]


def _explained_rate(group: _Group, causes: Sequence[_Cause]) -> float:
    """Return the rate by which the causes raise the failures of a group.

    Values of one dimension have no requests in common; those of different dimensions are taken to be independent. The
    rate of a bad week includes what the values after it add.
    """
    if causes and causes[0].group.dimension is None:
        return causes[0].raised_rate
    return sum(cause.raised_rate for cause in causes if cause.group.dimension != group.dimension)


def _explains(group: _Group, week: _Group) -> bool:
    """Return whether the rest of the week is as usual; not if there is no rest."""
    rest = Totals(
        completed=week.totals.completed - group.totals.completed, failed=week.totals.failed - group.totals.failed
    )
    usual = Totals(
        completed=sum(each.completed for each in week.earlier) - sum(each.completed for each in group.earlier),
        failed=sum(each.failed for each in week.earlier) - sum(each.failed for each in group.earlier),
    )
    return _ended(rest) > 0 and not _is_suspicious(_Group(None, None, rest, [usual]))


def _is_suspicious(group: _Group, raised_rate: float = 0.0) -> bool:
    """Return whether what is left of a bad week is still worse than usual."""
    return _failure_p(group, raised_rate) < _SUSPICIOUS_P and _is_worse(group, _OVERALL_POINTS, raised_rate)


def _groups(current: WeeklyReport, baseline: Sequence[WeeklyReport]) -> Iterator[_Group]:
    """Yield each value with requests."""
    for dimension, values in current.by_dimension.items():
        before: list[Mapping[str, Totals]] = [week.by_dimension.get(dimension, {}) for week in baseline]
        for value, totals in values.items():
            if totals.requests:
                yield _Group(dimension, value, totals, [week[value] for week in before if value in week])


def _ended(totals: Totals) -> int:
    """Return the number of completed and failed requests; pending and cancelled ones have no outcome."""
    return totals.completed + totals.failed


def _failure_p(group: _Group, raised_rate: float = 0.0) -> float:
    """Return the p-value of the failures if the rate is the usual one, raised by `raised_rate`.

    The distribution is the beta-binomial posterior predictive; a raised rate keeps its weight.
    """
    failed, ended = sum(each.failed for each in group.earlier), sum(map(_ended, group.earlier))
    weight = min(1.0, _MAX_HISTORY / ended) if ended else 0.0
    alpha, beta = _PRIOR_FAILED + weight * failed, _PRIOR_COMPLETED + weight * (ended - failed)
    raised = raised_rate * (alpha + beta)
    if raised >= beta:
        return 1.0
    return beta_binomial_tail(group.totals.failed, _ended(group.totals), alpha + raised, beta - raised)


def _usual_rate(group: _Group) -> float:
    failed, ended = sum(each.failed for each in group.earlier), sum(map(_ended, group.earlier))
    return (_PRIOR_FAILED + failed) / (_PRIOR_FAILED + _PRIOR_COMPLETED + ended)


def _excess_rate(group: _Group, raised_rate: float = 0.0) -> float:
    return group.totals.failed / _ended(group.totals) - _usual_rate(group) - raised_rate


def _is_worse(group: _Group, points: float, raised_rate: float = 0.0) -> bool:
    return group.totals.failed >= _MIN_FAILED and _excess_rate(group, raised_rate) >= points


def _failure_anomaly(group: _Group, p: float) -> Anomaly:
    ended, weeks = _ended(group.totals), sum(1 for each in group.earlier if _ended(each))
    rate, usual = group.totals.failed / ended, _usual_rate(group)
    if group.dimension is None:
        observed = f"{rate:.1%} of {ended:,} requests failed"
    else:
        observed = f"{group.dimension.capitalize()} {group.value} failed {rate:.1%} of {ended:,} requests"
    compared = (
        f"{usual:.1%} is usual over {_weeks(weeks)}" if weeks else f"without earlier weeks {usual:.1%} is assumed"
    )
    return _anomaly(
        FAILURE_RATE,
        dimension=group.dimension,
        value=group.value,
        observed=rate,
        expected=usual,
        score=p,
        score_kind="p",
        baseline_weeks=weeks,
        message=f"{observed}; {compared}.",
    )


def _accounts(current: WeeklyReport, credits_a_day: int) -> Iterator[Anomaly]:
    """Find accounts that spent far more than the other accounts of the week, and than in the week before.

    Spending is modelled as log-normal, with the mean and the maximum of the peers: the accounts that are no suspects.
    The p-value is that of the maximum of all active accounts (Bonferroni). Suspects are tested from the lowest to the
    highest, and each one that passes joins the peers of the next test: two anomalies do not mask each other, and large
    customers are compared with each other.
    """
    suspects = sorted(_suspects(current, credits_a_day), key=lambda account: account.credits)
    peers = _peers(current, suspects)
    if not suspects or peers < _MIN_PEERS:
        return
    active = peers + len(suspects)
    peers_credits = current.totals.credits_consumed - sum(account.credits for account in suspects)
    highest = max((account.credits for account in current.top_accounts if account not in suspects), default=0)
    for account in suspects:
        # Every active account was charged at least one credit.
        usual = max(1.0, peers_credits / peers)
        spread = max(_MIN_ACCOUNTS_SPREAD, log_normal_spread(max(highest, usual), usual, peers))
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
            # With a past of its own the anomaly is confirmed; a new account is compared with its peers only.
            status="provisional" if past is None else "confirmed",
            message=f"Account {account.user_id} was charged {account.credits:,} credits, up to "
            f"{account.peak_day_credits:,} a day{before}; the other active accounts average {usual:,.1f} a week.",
        )


def _suspects(current: WeeklyReport, credits_a_day: int) -> list[AccountWeek]:
    return [account for account in current.top_accounts if account.peak_day_credits > credits_a_day]


def _peers(current: WeeklyReport, suspects: Sequence[AccountWeek]) -> int:
    """Return the number of active accounts that are no suspects; 0 if the number is not known."""
    return max(0, (current.active_accounts or 0) - len(suspects))


def _new_accounts(current: WeeklyReport, baseline: Sequence[WeeklyReport], a_day: int) -> Iterator[Anomaly]:
    """Find days with significantly more new accounts than usual, corrected for the seven tests of a week."""
    if not baseline:
        return
    weeks = len(baseline)
    usual = median(week.new_accounts for week in baseline) / 7
    # Half an account is added: a few weeks without a new account do not prove a rate of zero.
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
    """Return an anomaly with derived ratio, severity and, unless given, status.

    It is critical if it is confirmed and at least three times the usual value or at most a third of it, or if at least
    half of the requests fail.
    """
    if status is None:
        status = "confirmed" if baseline_weeks >= CONFIRMING_WEEKS else "provisional"
    is_large = status == "confirmed" and _is_large(observed, expected)
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
