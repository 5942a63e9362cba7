"""Owns the summary of a load: answers by kind, latency percentiles, and whether the bars hold."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.load.clients import HOT, Answer

_CREATE = "createGenerationRequest"
_REFUNDED = "500 GENERATION_FAILED"
# The only fault that a caller may meet, rarely; while Firestore is away, its neighbours too.
_UNAVAILABLE = "503 UNAVAILABLE"
_MOST_UNAVAILABLE = 0.01
_WHILE_AWAY = (_UNAVAILABLE, "409 REQUEST_IN_PROGRESS", "no answer")
# The models fail 5 % of the requests.
_FEWEST_PICTURES = 0.85


@dataclass(frozen=True)
class Summary:
    """The figures of one run; if Firestore was killed, only the books are judged."""

    answers: Sequence[Answer]
    elapsed_seconds: float
    disagreements: Sequence[str]
    restarted: bool

    def faults(self, *, hot: bool) -> Counter[str]:
        """Answers that are no success and no refund, to the hot account or to all others."""
        kinds = Counter(answer.kind for answer in self.of(hot=hot))
        return Counter({kind: count for kind, count in kinds.items() if kind not in ("200", _REFUNDED)})

    def of(self, *, hot: bool) -> list[Answer]:
        """The answers to the hot account, or to all others."""
        return [answer for answer in self.answers if (answer.user_id == HOT) is hot]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost or doubled, and the hot account and all others were served."""
        return not self.disagreements and self._served(hot=True) and self._served(hot=False)

    def _served(self, *, hot: bool) -> bool:
        answers, faults = self.of(hot=hot), self.faults(hot=hot)
        created = [answer.kind for answer in answers if answer.function == _CREATE]
        if self.restarted:
            return "200" in created and all(kind.startswith(_WHILE_AWAY) for kind in faults)
        is_rare = set(faults) <= {_UNAVAILABLE} and faults.total() <= _MOST_UNAVAILABLE * len(answers)
        return is_rare and bool(created) and created.count("200") >= _FEWEST_PICTURES * len(created)

    def as_dict(self) -> dict[str, Any]:
        """The figures for a program."""
        return {
            "seconds": round(self.elapsed_seconds, 1),
            "callsPerSecond": round(len(self.answers) / self.elapsed_seconds, 1),
            "milliseconds": {
                group: _percentiles(self.answers, hot=hot) for group, hot in (("hot", True), ("others", False))
            },
            "answers": dict(Counter(f"{answer.function} {answer.kind}" for answer in self.answers).most_common()),
            "faults": {group: dict(self.faults(hot=hot)) for group, hot in (("hot", True), ("others", False))},
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
    for group, hot in (("hot account", True), ("others", False)):
        faults, calls = summary.faults(hot=hot).total(), len(summary.of(hot=hot))
        lines += [f"{group}: {faults:,} of {calls:,} refused or failed (at most 1 %)"]
    lines += [f"books: {len(summary.disagreements)} disagreements", *summary.disagreements]
    lines += ["all bars hold" if summary.holds else "BARS MISSED"]
    return "\n".join(lines)


def _percentiles(answers: Sequence[Answer], *, hot: bool) -> dict[str, float]:
    chosen = [answer.seconds * 1000 for answer in answers if (answer.user_id == HOT) is hot]
    if len(chosen) < 2:
        return {}
    cuts = statistics.quantiles(chosen, n=100)
    return {name: round(cuts[number - 1], 1) for name, number in (("p50", 50), ("p95", 95), ("p99", 99))}
