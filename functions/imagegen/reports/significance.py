"""Owns statistical significance: tails of distributions, a robust z-score, multiple testing.

Pure. Must not know weeks, reports or what is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, median

# Sums stop at a remainder below the rounding error of a double.
_NEGLIGIBLE = 1e-17


def anscombe(count: float) -> float:
    """Return `2 * sqrt(count + 3/8)`, which stabilizes the variance of a Poisson count at 1 (Anscombe 1948)."""
    return 2 * math.sqrt(count + 0.375)


def robust_z(count: float, earlier: Sequence[float]) -> float:
    """Return the robust z-score of a count: its distance from the median of earlier counts, on Anscombe's scale.

    The spread is the median absolute deviation, scaled to a normal standard deviation. Its floor is 1, the Poisson
    noise, or a tenth of the median if that is larger, so that a few similar weeks raise no alarm. Above the floor its
    variance is averaged with that of the floor (shrinkage), since eight weeks estimate it only to about a third.
    """
    transformed = [anscombe(each) for each in earlier]
    middle = median(transformed)
    deviation = 1.4826 * median(abs(each - middle) for each in transformed)
    floor = max(1.0, 0.1 * middle)
    spread = math.sqrt((deviation**2 + floor**2) / 2) if deviation > floor else floor
    return (anscombe(count) - middle) / spread


def beta_binomial_tail(successes: int, trials: int, alpha: float, beta: float) -> float:
    """Return `P(X >= successes)` for `X ~ BetaBinomial(trials, alpha, beta)`.

    The smaller tail is summed from its largest term outwards, by the ratio of neighbouring terms, so that a tiny
    probability keeps its precision; the first term comes from `lgamma`. At most `trials` steps, usually far fewer.
    """
    if successes <= 0:
        return 1.0
    if successes > trials:
        return 0.0
    if successes > trials * alpha / (alpha + beta):
        return min(1.0, _beta_binomial_sum(successes, trials, alpha, beta))
    # P(X < successes) is the upper tail of the failures.
    return max(0.0, 1.0 - _beta_binomial_sum(trials - successes + 1, trials, beta, alpha))


def _beta_binomial_sum(first: int, trials: int, alpha: float, beta: float) -> float:
    rest = trials - first
    log_term = (
        _log_beta(first + alpha, rest + beta)
        - _log_beta(alpha, beta)
        - _log_beta(first + 1, rest + 1)
        - math.log(trials + 1)
    )
    # P(k + 1) - P(k) changes its sign once: the terms rise, then fall, if alpha + beta >= 2; else they fall, then rise.
    falls_for_good = alpha + beta >= 2
    term = total = 1.0
    for k in range(first, trials):
        ratio = (trials - k) * (k + alpha) / ((k + 1) * (trials - k - 1 + beta))
        term *= ratio
        total += term
        if falls_for_good and ratio < 1 and term * (trials - k) < _NEGLIGIBLE * total:
            break
    return math.exp(log_term + math.log(total))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def negative_binomial_tail(count: int, shape: float, mean: float) -> float:
    """Return `P(X >= count)` for a negative binomial X: a Poisson count whose rate has a gamma distribution.

    `shape` and `mean` are those of the gamma distribution. The variance is `mean + mean**2 / shape`; a shape of 1 gives
    the geometric distribution.
    """
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    odds = mean / (mean + shape)
    # The smaller tail is summed from its largest term outwards.
    upper = count > mean
    first = count if upper else count - 1
    log_term = math.lgamma(first + shape) - math.lgamma(shape) - math.lgamma(first + 1)
    log_term += first * math.log(odds) + shape * (math.log(shape) - math.log(mean + shape))
    term = total = 1.0
    k = first
    while upper or k > 0:
        ratio = odds * (k + shape) / (k + 1) if upper else k / (odds * (k - 1 + shape))
        term *= ratio
        total += term
        k += 1 if upper else -1
        # No later ratio exceeds the larger of these two, so that a geometric series bounds the remainder.
        largest = max(ratio, odds)
        if upper and largest < 1 and term * largest < _NEGLIGIBLE * total * (1 - largest):
            break
    tail = math.exp(log_term + math.log(total))
    return min(1.0, tail) if upper else max(0.0, 1.0 - tail)


def log_normal_tail(value: float, mean: float, spread: float) -> float:
    """Return `P(X >= value)` for a log-normal X with this mean; `spread` is the standard deviation of log(X)."""
    if value <= 0:
        return 1.0
    z = (math.log(value / mean) + spread**2 / 2) / spread
    return 0.5 * math.erfc(z / math.sqrt(2))


def log_normal_spread(highest: float, mean: float, count: int) -> float:
    """Return the spread for which the median of the maximum of `count` log-normal values is `highest`."""
    z = NormalDist().inv_cdf(0.5 ** (1 / count))
    return z - math.sqrt(max(0.0, z**2 - 2 * math.log(highest / mean)))


def benjamini_hochberg(p_values: Sequence[float], false_discovery_rate: float) -> list[bool]:
    """Return which tests to accept as discoveries, so that the expected share of false ones is at most the given rate.

    Source: Benjamini and Hochberg (1995), the step-up procedure.
    """
    ranked = sorted(p_values)
    limit = -1.0
    for rank, p in enumerate(ranked, start=1):
        if p <= false_discovery_rate * rank / len(ranked):
            limit = p
    return [p <= limit for p in p_values]
