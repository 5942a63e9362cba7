"""Owns the summary of a load: answers by kind, latency percentiles, and whether the bars hold."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.load.clients import HOT, Answer

_REFUNDED = "500 GENERATION_FAILED"
_MOST_UNAVAILABLE = 0.01


@dataclass(frozen=True)
class Summary:
    """The figures of one run; if Firestore was killed, only the books are judged."""

    answers: Sequence[Answer]
    elapsed_seconds: float
    disagreements: Sequence[str]
    restarted: bool

    @property
    def hot_faults(self) -> Counter[str]:
        """Answers to the hot account that count as faults."""
        kinds = Counter(answer.kind for answer in self.answers if answer.user_id == HOT)
        return Counter({kind: count for kind, count in kinds.items() if kind[0] in "5n" and kind != _REFUNDED})

    @property
    def holds(self) -> bool:
        """Whether nothing was lost or doubled, and at most 1 % of the hot account's calls were refused."""
        faults = self.hot_faults
        hot = sum(answer.user_id == HOT for answer in self.answers)
        alone = set(faults) <= {"503 UNAVAILABLE"}
        served = alone and faults.total() <= _MOST_UNAVAILABLE * hot
        return not self.disagreements and bool(self.answers) and (self.restarted or served)

    def as_dict(self) -> dict[str, Any]:
        """The figures for a program."""
        return {
            "seconds": round(self.elapsed_seconds, 1),
            "callsPerSecond": round(len(self.answers) / self.elapsed_seconds, 1),
            "milliseconds": {
                group: _percentiles(self.answers, hot=hot) for group, hot in (("hot", True), ("others", False))
            },
            "answers": dict(Counter(f"{answer.function} {answer.kind}" for answer in self.answers).most_common()),
            "hotAccountFaults": dict(self.hot_faults),
            "disagreements": list(self.disagreements),
            "holds": self.holds,
        }


def render(summary: Summary) -> str:
    """The figures for a person."""
    figures = summary.as_dict()
    lines = [f"{len(summary.answers):,} calls in {figures['seconds']} s: {figures['callsPerSecond']} a second", ""]
    lines += [f"{'':<12}{'p50':>9}{'p95':>9}{'p99':>9}"]
    for group, percentiles in figures["milliseconds"].items():
        lines.append(f"{group:<12}" + "".join(f"{value:>6.0f} ms" for value in percentiles.values()))
    lines += ["", *(f"{count:>8,}  {kind}" for kind, count in figures["answers"].items()), ""]
    hot = sum(answer.user_id == HOT for answer in summary.answers)
    lines += [f"hot account: {summary.hot_faults.total()} of {hot:,} refused or failed (at most 1 %)"]
    lines += [f"books: {len(summary.disagreements)} disagreements", *summary.disagreements]
    return "\n".join(lines)


def _percentiles(answers: Sequence[Answer], *, hot: bool) -> dict[str, float]:
    chosen = [answer.seconds * 1000 for answer in answers if (answer.user_id == HOT) is hot]
    if len(chosen) < 2:
        return {}
    cuts = statistics.quantiles(chosen, n=100)
    return {name: round(cuts[number - 1], 1) for name, number in (("p50", 50), ("p95", 95), ("p99", 99))}
