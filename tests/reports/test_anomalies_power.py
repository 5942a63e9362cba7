"""How often anomalies are found and clean weeks are left alone, on the simulated weeks of `make bench-anomalies`."""

import pytest

from tests.bench.anomalies import measure

pytestmark = pytest.mark.pure


class TestPower:
    def test_clean_weeks_are_left_alone_and_broken_ones_found(self) -> None:
        """At 300 requests a week, looser than the benchmark's bars (3.5, 97, 90, 73), as there are fewer trials."""
        percents = {row["scenario"]: row["percent"] for row in measure(300, trials=250, seed=20261109)}
        assert percents["clean"] <= 6
        assert percents["surge"] >= 95
        assert percents["slump"] >= 87
        assert percents["failures"] >= 65
        assert percents["sign-ups"] >= 95
