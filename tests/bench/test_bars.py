"""When `make bench` fails."""

import pytest

from tests.bench import __main__ as bench
from tests.bench.__main__ import Figure, all_hold, at_most, render
from tests.crash.costs import Cost

pytestmark = pytest.mark.pure


class TestAtMost:
    @pytest.mark.parametrize("cost", [Cost(5, 1, 4), Cost(4, 2, 4), Cost(4, 1, 5)])
    def test_each_part_of_a_cost_has_a_bar(self, cost: Cost) -> None:
        """One round trip, read or write more is too many; fewer are not."""
        assert at_most("create", Cost(4, 1, 4), Cost(4, 1, 4)).holds
        assert at_most("create", Cost(3, 0, 3), Cost(4, 1, 4)).holds
        assert not at_most("create", cost, Cost(4, 1, 4)).holds


class TestMain:
    @pytest.mark.parametrize("part", ["costs", "overhead", "waiting", "import_time"])
    def test_a_missed_bar_exits_with_1(self, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """One missed bar of any part is enough, and all that hold exit with 0."""
        monkeypatch.setattr("sys.argv", ["make bench"])
        for name in ("costs", "overhead", "waiting", "import_time"):
            monkeypatch.setattr(bench, name, lambda *_: [Figure("a time", "1 ms"), Figure("a bar", "1", holds=True)])
        assert bench.main() == 0
        monkeypatch.setattr(bench, part, lambda *_: [Figure("a bar", "2", holds=False)])
        assert bench.main() == 1

    def test_a_missed_bar_is_named(self) -> None:
        """The line of a missed bar says so, and a figure without a bar misses none."""
        figures = [Figure("a time", "1 ms"), Figure("a bar", "2", holds=False)]
        assert not all_hold(figures)
        assert render(figures).splitlines()[1].endswith("MISSED")
        assert "MISSED" not in render(figures[:1])
