"""The drawn pictures."""

import hashlib
import io
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from imagegen.providers.simulated.drawing import draw

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent.parent
MODELS = ["model-a", "model-b"]
STYLES = ["anime", "cyberpunk", "oil-painting", "realistic", "sketch", "watercolor"]
COLORS = ["monochrome", "neon", "pastel", "vibrant", "vintage"]

# The pictures reduced to four by four grey pixels, row by row. Edges may differ by a pixel between processors, because
# of floating point; a picture that looks different differs here by tens.
PINNED = {
    "anime": "aed4eedeadb9abcd766f73613b3b3837",
    "cyberpunk": "3f56684b779799857373717849424349",
    "oil-painting": "7fb1daa5c6d0bdcf8f9c997f322f2f2d",
    "realistic": "77a1d7a0b1bcb5c58c96947e3c3a3a38",
    "sketch": "dfe7f7eeedefebf5dad7d7d6bcbbbbb9",
    "watercolor": "c5b5d9ccdac5bcd3bdb4aeb3865a5a78",
}


def png(**changed: object) -> bytes:
    inputs = {"model": "model-a", "style": "anime", "color": "vibrant", "width": 128, "height": 128, "prompt": "a fox"}
    return draw(**(inputs | changed))  # type: ignore[arg-type]


def drawn(**changed: object) -> Image.Image:
    with Image.open(io.BytesIO(png(**changed))) as image:
        image.load()
        return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean distance of the pixels of two pictures, from 0 to 255."""
    means = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return sum(means) / len(means)


class TestDraw:
    @pytest.mark.parametrize("style", [*STYLES, "cubism"])
    @pytest.mark.parametrize("size", [(512, 512), (256, 448), (64, 64), (64, 256), (256, 64), (101, 67)])
    def test_has_the_requested_size(self, style: str, size: tuple[int, int]) -> None:
        """Each style gives a colour PNG of exactly the requested size, also an odd one."""
        image = drawn(style=style, width=size[0], height=size[1])
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", size)

    @pytest.mark.parametrize("size", [(63, 64), (2049, 2048), (64, 257), (0, 0), (-64, 64)])
    def test_refuses_an_unreasonable_size(self, size: tuple[int, int]) -> None:
        """A size that would take too long, or is too small to show anything, is refused."""
        with pytest.raises(ValueError, match="must have sides of 64 to 2,048"):
            png(width=size[0], height=size[1])

    @pytest.mark.parametrize("style", STYLES)
    def test_matches_the_stored_values(self, style: str) -> None:
        """A change of the pictures must be intentional."""
        small = drawn(style=style, width=256, height=256).convert("L").resize((4, 4), Image.Resampling.BOX)
        pinned = bytes.fromhex(PINNED[style])
        assert max(abs(a - b) for a, b in zip(small.tobytes(), pinned, strict=True)) <= 3, small.tobytes().hex()

    def test_is_the_same_in_every_process(self) -> None:
        """The same inputs give the same bytes under any hash seed of Python."""
        code = "import hashlib, sys, imagegen.providers.simulated.drawing as d\n"
        code += f"for style in {STYLES}:\n"
        code += " png = d.draw(model='model-a', style=style, color='vibrant', width=128, height=128, prompt='a fox')\n"
        code += " print(hashlib.sha256(png).hexdigest())"
        environment = os.environ | {"PYTHONHASHSEED": "4711"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT / "functions",
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == [hashlib.sha256(png(style=style)).hexdigest() for style in STYLES]

    @pytest.mark.parametrize(("of", "values"), [("model", MODELS), ("style", STYLES), ("color", COLORS)])
    def test_follows_each_choice(self, of: str, values: list[str]) -> None:
        """Every model, style and color gives its own picture."""
        pictures = {value: drawn(**{of: value}) for value in values}
        for one, other in combinations(values, 2):
            assert difference(pictures[one], pictures[other]) > 5, (one, other)

    def test_follows_the_prompt(self) -> None:
        """Another prompt gives another picture, even if it differs in one letter."""
        assert difference(drawn(prompt="a fox"), drawn(prompt="a box")) > 5

    @pytest.mark.parametrize("style", STYLES)
    def test_monochrome_has_no_colour(self, style: str) -> None:
        """In each style a monochrome picture is grey in every pixel."""
        red, green, blue = drawn(style=style, color="monochrome").split()
        assert red.tobytes() == green.tobytes() == blue.tobytes()

    def test_colors_match_their_names(self) -> None:
        """Pastel is light, neon is dark, and vibrant is more saturated than vintage."""

        def mean(color: str, band: int) -> float:
            pictures = [drawn(style="realistic", color=color, prompt=prompt).convert("HSV") for prompt in "abc"]
            return sum(ImageStat.Stat(picture).mean[band] for picture in pictures) / len(pictures)

        assert mean("pastel", 2) > 190 > 110 > mean("neon", 2)
        assert mean("vibrant", 1) > mean("vintage", 1) > mean("pastel", 1)

    @pytest.mark.parametrize("style", STYLES)
    def test_a_small_picture_is_a_small_file(self, style: str) -> None:
        """A picture of 512x512 has less than 600 kB."""
        assert 10_000 < len(png(style=style, width=512, height=512)) < 600_000

    def test_new_catalog_entries_are_drawn(self) -> None:
        """A model, style or color that the code does not know is drawn too, each in its own way."""
        unknown = [png(model="model-z"), png(style="cubism"), png(color="beige"), png(color="teal")]
        assert len({png(), *unknown}) == 5

    @settings(max_examples=40)
    @given(
        prompt=st.text(max_size=50),
        model=st.text(max_size=8),
        color=st.text(max_size=8),
        style=st.sampled_from(STYLES),
        width=st.integers(64, 90),
        height=st.integers(64, 90),
    )
    def test_draws_anything(self, prompt: str, model: str, color: str, style: str, width: int, height: int) -> None:
        """Any text and size give a picture."""
        image = drawn(prompt=prompt, model=model, color=color, style=style, width=width, height=height)
        assert image.size == (width, height)


class TestPlaceholders:
    @pytest.mark.parametrize("model", MODELS)
    def test_are_pictures(self, model: str) -> None:
        """Each model's placeholder, which ships with the project, is a valid picture."""
        with Image.open(ROOT / "public" / "placeholders" / f"{model}.png") as image:
            image.load()
        assert (image.format, image.size) == ("PNG", (512, 512))
