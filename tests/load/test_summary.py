"""When `make load` fails."""

import pytest

from tests.load.clients import HOT, Answer
from tests.load.summary import Summary, render

pytestmark = pytest.mark.pure


def answers(
    kind: str = "200", *, to: str = HOT, count: int = 100, function: str = "createGenerationRequest"
) -> list[Answer]:
    return [Answer(user_id=to, function=function, kind=kind, seconds=0.1, generation_id=None)] * count


def holds(*groups: list[Answer], disagreements: tuple[str, ...] = (), restarted: bool = False) -> bool:
    told = [answer for group in groups for answer in group]
    summary = Summary(told, 1.0, disagreements, restarted=restarted)
    assert ("all bars hold" in render(summary)) is summary.holds
    return summary.holds


SERVED = [*answers(), *answers(to="other")]


class TestHolds:
    def test_when_all_are_served(self) -> None:
        """Some failed models and 1 % of 503 are allowed."""
        assert holds(SERVED)
        assert holds(SERVED, answers("500 GENERATION_FAILED", count=10), answers("503 UNAVAILABLE", count=1))

    @pytest.mark.parametrize(
        "kind", ["400 INVALID_REQUEST", "402 INSUFFICIENT_CREDITS", "500 INTERNAL", "no answer (OSError)"]
    )
    @pytest.mark.parametrize("to", [HOT, "other"])
    def test_not_if_one_call_has_another_fault(self, kind: str, to: str) -> None:
        """No fault but a 503 is allowed, neither to the hot account nor to others."""
        assert not holds(SERVED, answers(kind, to=to, count=1))

    @pytest.mark.parametrize("to", [HOT, "other"])
    def test_not_if_many_are_unavailable(self, to: str) -> None:
        """More than 1 % of 503 is too many, for the hot account and for others."""
        assert not holds(SERVED, answers("503 UNAVAILABLE", to=to, count=2))

    @pytest.mark.parametrize("to", [HOT, "other"])
    def test_not_if_models_only_fail(self, to: str) -> None:
        """Refunds alone are no service."""
        assert not holds(SERVED, answers("500 GENERATION_FAILED", to=to, count=50))

    def test_not_without_pictures(self) -> None:
        """A run in which an account only reads shows nothing."""
        assert not holds()
        assert not holds(answers())
        assert not holds(answers(), answers(to="other", function="getUserCredits"))

    def test_not_if_the_books_disagree(self) -> None:
        """One disagreement is one too many, also after a restart."""
        assert not holds(SERVED, disagreements=("lost",))
        assert not holds(SERVED, disagreements=("lost",), restarted=True)


class TestHoldsAfterARestart:
    def test_with_the_faults_of_an_outage(self) -> None:
        """While Firestore is away, any number of calls is unavailable or in progress."""
        away = [*answers("503 UNAVAILABLE"), *answers("409 REQUEST_IN_PROGRESS"), *answers("no answer (OSError)")]
        assert holds(SERVED, away, restarted=True)

    def test_not_with_other_faults(self) -> None:
        """An outage explains no 400 and no 500, and some calls are served."""
        assert not holds(SERVED, answers("400 INVALID_REQUEST", count=1), restarted=True)
        assert not holds(SERVED, answers("500 INTERNAL", count=1, to="other"), restarted=True)
        assert not holds(answers("503 UNAVAILABLE"), answers("503 UNAVAILABLE", to="other"), restarted=True)
