"""Tails of count distributions, compared with SciPy's, and the tests built on them."""

import time
from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from imagegen.reports.significance import (
    anscombe,
    benjamini_hochberg,
    beta_binomial_tail,
    log_normal_spread,
    log_normal_tail,
    negative_binomial_tail,
    robust_z,
)

pytestmark = pytest.mark.pure

# The wall time of one example depends on the machine's load; pytest's own timeout bounds the whole test.
unhurried = settings(deadline=None)
shapes = st.floats(0.1, 500, allow_nan=False)


def summed_beta_binomial(successes: int, trials: int, alpha: float, beta: float) -> float:
    """The tail as a sum of SciPy's terms, because its own `sf` is 1 - cdf and loses small values."""
    terms = stats.betabinom.logpmf(np.arange(successes, trials + 1), trials, alpha, beta)
    return float(np.exp(special.logsumexp(terms)))


class TestBetaBinomialTail:
    @unhurried
    @given(st.integers(1, 400), st.floats(0, 1), shapes, shapes)
    def test_equals_scipys_sum(self, trials: int, share: float, alpha: float, beta: float) -> None:
        """Every tail equals SciPy's to nine digits, tiny ones and those near 1."""
        successes = round(share * trials)
        expected = summed_beta_binomial(successes, trials, alpha, beta)
        assert beta_binomial_tail(successes, trials, alpha, beta) == pytest.approx(expected, rel=1e-9, abs=1e-300)

    @pytest.mark.parametrize("successes", [60, 5_000, 50_000, 62_000, 100_000, 999_999, 1_000_000])
    def test_is_exact_and_fast_for_a_million(self, successes: int) -> None:
        """A million requests take no noticeable time and have SciPy's accuracy."""
        started = time.process_time()
        tail = beta_binomial_tail(successes, 1_000_000, 30.5, 579.5)
        assert time.process_time() - started < 1
        assert tail == pytest.approx(summed_beta_binomial(successes, 1_000_000, 30.5, 579.5), rel=1e-6)

    def test_agrees_with_a_sum_by_hand(self) -> None:
        """With alpha = beta = 1 each of the n + 1 outcomes is equally probable."""
        assert beta_binomial_tail(8, 9, 1, 1) == pytest.approx(0.2)

    @pytest.mark.parametrize(("successes", "tail"), [(-1, 1.0), (0, 1.0), (11, 0.0)])
    def test_is_certain_or_impossible_at_the_ends(self, successes: int, tail: float) -> None:
        """P(X >= 0) is 1, and P(X > n) is 0."""
        assert beta_binomial_tail(successes, 10, 0.5, 9.5) == tail

    def test_of_no_trials(self) -> None:
        """With n = 0, P(X >= 0) is 1 and P(X >= 1) is 0."""
        assert (beta_binomial_tail(0, 0, 0.5, 9.5), beta_binomial_tail(1, 0, 0.5, 9.5)) == (1.0, 0.0)

    @unhurried
    @given(st.integers(1, 300), shapes, shapes)
    def test_falls_as_the_count_rises(self, trials: int, alpha: float, beta: float) -> None:
        """More successes are never more probable, also where the code switches from one tail to the other."""
        tails = [beta_binomial_tail(successes, trials, alpha, beta) for successes in range(trials + 2)]
        assert all(later <= earlier + 1e-12 for earlier, later in pairwise(tails))


class TestNegativeBinomialTail:
    @unhurried
    @given(st.integers(0, 2_000), st.floats(0.5, 50), st.floats(0.01, 500))
    def test_equals_scipys(self, count: int, shape: float, mean: float) -> None:
        """Every tail equals SciPy's, which uses the incomplete beta function."""
        expected = float(stats.nbinom.sf(count - 1, shape, shape / (shape + mean)))
        # Below that, SciPy's own digits are wrong: see the next test.
        assert negative_binomial_tail(count, shape, mean) == pytest.approx(expected, rel=1e-8, abs=1e-150)

    def test_is_exact_where_scipy_is_not(self) -> None:
        """Far out in the tail the result agrees with a sum in exact fractions."""
        odds = Fraction(5, 44)
        exact = sum(comb(k + 38, k) * odds**k for k in range(332, 900)) * (1 - odds) ** 39
        assert negative_binomial_tail(332, 39, 5) == pytest.approx(float(exact), rel=1e-9)

    def test_of_a_mean_of_zero(self) -> None:
        """With a mean of zero, P(X >= 1) is 0 and P(X >= 0) is 1."""
        assert (negative_binomial_tail(1, 4, 0), negative_binomial_tail(0, 4, 0)) == (0.0, 1.0)


class TestLogNormalTail:
    @unhurried
    @given(st.floats(0.01, 1e6), st.floats(0.1, 1e4), st.floats(0.1, 3))
    def test_equals_scipys(self, value: float, mean: float, spread: float) -> None:
        """The parameter is the mean itself, not that of the logarithm."""
        expected = float(stats.lognorm.sf(value, spread, scale=mean / np.exp(spread**2 / 2)))
        assert log_normal_tail(value, mean, spread) == pytest.approx(expected, rel=1e-9, abs=1e-300)

    def test_of_zero(self) -> None:
        """A value of at least 0 is certain."""
        assert log_normal_tail(0, 10, 1) == 1.0


class TestLogNormalSpread:
    @unhurried
    @given(st.integers(2, 10_000), st.floats(0.1, 1e4), st.floats(0.05, 1.0))
    def test_inverts_the_median_of_the_highest(self, count: int, mean: float, spread: float) -> None:
        """The highest of `count` values is above its median in half of all cases; the spread is read back from it."""
        z = stats.norm.ppf(0.5 ** (1 / count))
        highest = mean * np.exp(spread * z - spread**2 / 2)
        # Beyond a spread of z the highest value falls again, and one below the mean has no solution.
        if spread < z and highest >= mean:
            found = log_normal_spread(highest, mean, count)
            assert found == pytest.approx(spread, rel=1e-4)

    def test_is_bounded(self) -> None:
        """A highest value that no log-normal explains gives the widest spread; one at the mean gives 0."""
        assert log_normal_spread(1e9, 1, 100) == pytest.approx(stats.norm.ppf(0.5**0.01))
        assert log_normal_spread(7, 7, 100) == pytest.approx(0)


class TestRobustZ:
    def test_counts_poisson_deviations(self) -> None:
        """Near a steady small count the unit is about Poisson's standard deviation."""
        assert robust_z(25 + 5, [25] * 8) == pytest.approx(0.95, abs=0.05)

    def test_the_unit_is_a_tenth_of_the_median_at_least(self) -> None:
        """Eight equal weeks do not make the ninth alarming: twice a million is at most 8 spreads."""
        assert robust_z(2_000_000, [1_000_000] * 8) == pytest.approx(10 * (2**0.5 - 1), rel=1e-3)

    def test_one_outlier_changes_little(self) -> None:
        """The median and its deviation do not follow a single outlier."""
        steady = [280, 290, 295, 300, 305, 310, 320]
        assert robust_z(900, [*steady, 300]) == pytest.approx(robust_z(900, [*steady, 9_000]), rel=0.05)

    def test_weeks_of_zeros(self) -> None:
        """Zero medians and deviations give a finite z."""
        assert robust_z(0, [0] * 8) == 0
        assert robust_z(100, [0] * 8) == pytest.approx(anscombe(100) - anscombe(0))

    @unhurried
    @given(st.lists(st.integers(0, 10_000), min_size=1, max_size=8), st.integers(0, 10_000), st.integers(0, 10_000))
    def test_rises_with_the_count(self, earlier: list[int], one: int, other: int) -> None:
        """A higher count is never less unusual."""
        assert robust_z(min(one, other), earlier) <= robust_z(max(one, other), earlier)


class TestBenjaminiHochberg:
    @unhurried
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.5))
    def test_equals_scipys_adjusted_values(self, p_values: list[float], rate: float) -> None:
        """A test is significant when its adjusted p-value is within the rate."""
        adjusted = stats.false_discovery_control(p_values)
        for is_believed, each in zip(benjamini_hochberg(p_values, rate), adjusted, strict=True):
            # At the boundary the two round differently.
            assert is_believed == (each <= rate) or each == pytest.approx(rate, rel=1e-9)

    def test_steps_up(self) -> None:
        """A p-value above its own limit is significant if a later one is within its limit."""
        assert benjamini_hochberg([0.03, 0.001, 0.029, 0.9], 0.04) == [True, True, True, False]

    def test_without_tests(self) -> None:
        """Without tests none is significant."""
        assert benjamini_hochberg([], 0.02) == []
