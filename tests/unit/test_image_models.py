"""The image models and their time limit."""

import random
import threading
from typing import Any

import pytest
from imagegen.image_models import ImageRequest, ModelError, ModelTimeoutError, SimulatedModel, generate_within
from imagegen.records import FailureReason, Image

from tests.world import AlwaysFails, Does, Draws


def a_request(**parameters: object) -> ImageRequest:
    return ImageRequest(
        generation_id="gen1", style="anime", color="neon", size="512x512", prompt="a fox", parameters=parameters
    )


def failures(model: SimulatedModel, request: ImageRequest, times: int) -> int:
    count = 0
    for _ in range(times):
        try:
            model.generate(request)
        except ModelError:
            count += 1
    return count


class TestSimulatedModel:
    @pytest.mark.parametrize(("rate", "expected"), [(0, 0), (1, 1000), (0.0, 0), (1.0, 1000)])
    def test_honours_never_and_always_exactly(self, rate: float, expected: int) -> None:
        """At 0 it never fails, at 1 always."""
        assert failures(SimulatedModel("url", rate, random.Random(1)), a_request(), 1000) == expected

    def test_fails_at_its_rate(self) -> None:
        """At 5% about 5% of calls fail, the same ones for the same seed."""
        counts = [failures(SimulatedModel("url", 0.05, random.Random(7)), a_request(), 4000) for _ in range(2)]
        assert counts[0] == counts[1]
        assert 150 < counts[0] < 250

    def test_the_catalog_document_overrides_the_rate(self) -> None:
        """`failureRate` in the model's own document wins over the setting."""
        model = SimulatedModel("url", 0.0, random.Random(1))
        assert failures(model, a_request(failureRate=1), 100) == 100

    @pytest.mark.parametrize("rate", ["often", 2, -0.1, True, None])
    def test_a_senseless_rate_is_a_failure(self, rate: object) -> None:
        """A rate that makes no sense fails the call, which is refunded, and says why."""
        with pytest.raises(ModelError, match="failureRate"):
            SimulatedModel("url", 0.0, random.Random(1)).generate(a_request(failureRate=rate))

    def test_answers_its_placeholder(self) -> None:
        """Each model answers the one URL it was given."""
        assert SimulatedModel("https://x/a.png", 0, random.Random(1)).generate(a_request()) == Image("https://x/a.png")


class TestImage:
    @pytest.mark.parametrize("url", ["", None, "x" * 2049, "https://x/\ud800", "https://x/a b\n", object()])
    def test_has_a_url_that_can_be_stored(self, url: Any) -> None:
        """A picture without a proper URL is none, and its model has failed."""
        with pytest.raises(ValueError, match="image URL"):
            Image(url)


class TestGenerateWithin:
    def test_answers_the_picture(self) -> None:
        """A picture in time is handed on."""
        assert generate_within(Draws(), a_request(), 5) == Image("https://images.example.com/drawn.png")

    def test_hands_on_the_failure(self) -> None:
        """A model's own error reaches the caller as it is."""
        with pytest.raises(ModelError, match="no picture today"):
            generate_within(AlwaysFails(), a_request(), 5)

    def test_waits_no_longer_than_the_limit(self) -> None:
        """A model that does not answer is given up with a reason of its own."""
        release = threading.Event()
        with pytest.raises(ModelTimeoutError) as late:
            generate_within(Does(release.wait), a_request(), 0.01)
        release.set()
        assert late.value.reason is FailureReason.MODEL_TIMEOUT
