"""The image models."""

import io
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from pytest_mock import MockerFixture

from imagegen.images.records import Image, Picture
from imagegen.providers.model import ImageRequest, ModelError
from imagegen.providers.simulated.model import SimulatedModel, drawing_as, placeholder
from tests.world import A_PICTURE

pytestmark = pytest.mark.pure


def a_request(**parameters: object) -> ImageRequest:
    return ImageRequest(
        generation_id="gen1",
        style="anime",
        color="neon",
        size="64x96",
        width=64,
        height=96,
        prompt="a fox",
        parameters=parameters,
        time_limit_seconds=60,
    )


def simulated(rate: float, seed: int = 1) -> SimulatedModel:
    return SimulatedModel(placeholder("https://x/a.png"), rate, random.Random(seed))


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
    def test_rates_0_and_1_are_exact(self, rate: float, expected: int) -> None:
        """At a rate of 0 it never fails, at 1 always."""
        assert failures(simulated(rate), a_request(), 1000) == expected

    def test_fails_at_its_rate(self) -> None:
        """At 5% about 5% of calls fail, and the same seed fails the same calls."""
        counts = [failures(simulated(0.05, seed=7), a_request(), 4000) for _ in range(2)]
        assert counts[0] == counts[1]
        assert 150 < counts[0] < 250

    def test_the_catalog_document_overrides_the_rate(self) -> None:
        """`failureRate` in the model's settings wins over the parameter."""
        model = simulated(0.0)
        assert failures(model, a_request(failureRate=1), 100) == 100

    @pytest.mark.parametrize("rate", ["often", 2, -0.1, True, None])
    def test_an_invalid_rate_is_a_failure(self, rate: object) -> None:
        """An invalid rate fails the call, which is refunded, and the error says why."""
        with pytest.raises(ModelError, match="failureRate"):
            simulated(0.0).generate(a_request(failureRate=rate))

    def test_answers_its_placeholder(self) -> None:
        """With a placeholder, a model answers its URL."""
        assert simulated(0).generate(a_request()) == Image("https://x/a.png")

    def test_draws(self) -> None:
        """With a drawing, a model answers a picture of the requested size."""
        picture = SimulatedModel(drawing_as("model-a"), 0, random.Random(1)).generate(a_request())
        assert isinstance(picture, Picture)
        with PIL.Image.open(io.BytesIO(picture.content)) as image:
            assert (image.format, image.size) == ("PNG", (64, 96))

    def test_each_model_draws_differently(self) -> None:
        """The same request gives a different picture with another model, and the same with the same model."""
        pictures = [drawing_as(model_id)(a_request()) for model_id in ("model-a", "model-b", "model-a")]
        assert pictures[0] == pictures[2] != pictures[1]

    def test_pillow_is_loaded_by_the_first_picture(self) -> None:
        """A cold start without a drawing does not import Pillow."""
        code = "import sys, imagegen.providers.simulated.model; print('PIL' in sys.modules)"
        functions = Path(__file__).parent.parent.parent / "functions"
        done = subprocess.run([sys.executable, "-c", code], cwd=functions, capture_output=True, text=True, check=True)
        assert done.stdout == "False\n"


class TestPicture:
    @pytest.mark.parametrize(
        ("content", "media_type"), [(b"", "image/png"), (b"GIF89a", "image/png"), (b"\x89PNG\r\n\x1a\n", "image/gif")]
    )
    def test_is_a_png(self, content: bytes, media_type: str) -> None:
        """Bytes that are not a PNG, or another content type, are refused, and the model has failed."""
        with pytest.raises(ValueError, match="a picture must be a PNG"):
            Picture(content, media_type)


class TestImage:
    @pytest.mark.parametrize("url", ["", None, "x" * 2049, "https://x/\ud800", "https://x/a b\n", object()])
    def test_has_a_url_that_can_be_stored(self, url: Any) -> None:
        """A picture without a valid URL is refused, and the model has failed."""
        with pytest.raises(ValueError, match="image URL"):
            Image(url)


class TestDrawingAtOnce:
    def test_one_picture_at_a_time(self, mocker: MockerFixture) -> None:
        """Sixteen pictures asked for at once, of both models, are drawn one after the other."""
        drawing = most = 0

        def draw(**_: object) -> bytes:
            nonlocal drawing, most
            drawing += 1
            most = max(most, drawing)
            time.sleep(0.005)
            drawing -= 1
            return A_PICTURE.content

        mocker.patch("imagegen.providers.simulated.drawing.draw", draw)
        models = [drawing_as("model-a"), drawing_as("model-b")]
        with ThreadPoolExecutor(16) as callers:
            pictures = list(callers.map(lambda number: models[number % 2](a_request()), range(16)))
        assert (len(pictures), most) == (16, 1)

    def test_a_caller_does_not_wait_too_long(self, mocker: MockerFixture) -> None:
        """A picture that cannot be begun within its time limit is a failure, and is not drawn later."""
        begun, ended = threading.Event(), threading.Event()
        drawn: list[str] = []

        def draw(*, prompt: str, **_: object) -> bytes:
            drawn.append(prompt)
            begun.set()
            ended.wait(10)
            return A_PICTURE.content

        mocker.patch("imagegen.providers.simulated.drawing.draw", draw)
        respond = drawing_as("model-a")
        with ThreadPoolExecutor(1) as other:
            first = other.submit(respond, a_request())
            assert begun.wait(10)
            with pytest.raises(ModelError, match="too many pictures at once"):
                respond(replace(a_request(), prompt="late", time_limit_seconds=0.01))
            ended.set()
            first.result()
        assert drawn == ["a fox"]
        respond(a_request())
        assert drawn == ["a fox", "a fox"]
