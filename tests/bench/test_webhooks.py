"""When `make bench-webhooks` fails."""

import pytest

from tests.bench.webhooks import holds

pytestmark = pytest.mark.pure
DUE = ["due"] * 200


class TestHolds:
    def test_in_time(self) -> None:
        """It holds if each webhook arrived within a second, beside as many that hang as wanted."""
        assert holds({"alone": [0.1], "beside": [0.2, 0.999]}, DUE, 200)

    @pytest.mark.parametrize("seconds", [[], [0.1, 1.0], [0.1, float("inf")]])
    def test_too_late(self, seconds: list[float]) -> None:
        """One that is late or never arrives is enough to fail, and so is none at all."""
        assert not holds({"alone": [0.1], "beside": seconds}, DUE, 200)

    @pytest.mark.parametrize("states", [[], DUE[1:], [*DUE[1:], "given_up"]])
    def test_without_the_attack(self, states: list[str]) -> None:
        """Without the webhooks that hang it proves nothing."""
        assert not holds({"alone": [0.1]}, states, 200)
