"""Power and false-positive rate of the anomaly tests, on the simulated weeks of `make bench-anomalies`."""

import pytest

from tests.bench.anomalies import measure

pytestmark = pytest.mark.pure


class TestPower:
    def test_false_positive_rate_and_power(self) -> None:
        """The bars hold at 300 requests a week, looser than the benchmark's (3.5, 97, 90, 73): fewer trials."""
        percents = {row["scenario"]: row["percent"] for row in measure(300, trials=250, seed=20261109)}
        assert percents["clean"] <= 6
        assert percents["surge"] >= 95
        assert percents["slump"] >= 87
        assert percents["failures"] >= 65
        assert percents["sign-ups"] >= 95
