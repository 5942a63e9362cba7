"""Draws the pictures of the simulated models, deterministically: the same input gives the same bytes everywhere."""

from __future__ import annotations

import io

from imagegen.providers.simulated.drawing.chance import Chance
from imagegen.providers.simulated.drawing.palettes import palette
from imagegen.providers.simulated.drawing.scenes import scene
from imagegen.providers.simulated.drawing.styles import paint
from imagegen.providers.simulated.drawing.subject import Subject

_SIDES_PIXELS = range(64, 2049)
_MAX_ASPECT_RATIO = 4


def draw(*, model: str, style: str, color: str, width: int, height: int, prompt: str) -> bytes:
    """Return a picture as PNG: model and prompt select the scene, color the palette, style the technique.

    Raises:
        ValueError: a side is not from 64 to 2,048 pixels, or more than four times the other.
    """
    sides = sorted((width, height))
    if not {width, height} <= set(_SIDES_PIXELS) or sides[1] > _MAX_ASPECT_RATIO * sides[0]:
        raise ValueError(
            f"a picture must have sides of 64 to 2,048 pixels and a ratio of at most 4; this is {width}x{height}"
        )
    chance = Chance(model, style, color, prompt)
    composed = scene(model, width / height, Chance(model, prompt))
    subject = Subject(composed, palette(color, Chance(color, prompt)), (width, height), chance)
    png = io.BytesIO()
    paint(style, subject).save(png, "PNG", compress_level=1)
    return png.getvalue()
