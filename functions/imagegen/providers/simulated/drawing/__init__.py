"""Draws the pictures of the simulated models: the same for the same inputs, on every machine."""

from __future__ import annotations

import io

from imagegen.providers.simulated.drawing.chance import Chance
from imagegen.providers.simulated.drawing.palettes import palette
from imagegen.providers.simulated.drawing.scenes import scene
from imagegen.providers.simulated.drawing.styles import paint
from imagegen.providers.simulated.drawing.subject import Subject

_SIDES_PIXELS = range(64, 2049)
_LONGEST_TO_SHORTEST = 4


def draw(*, model: str, style: str, color: str, width: int, height: int, prompt: str) -> bytes:
    """Return a picture as PNG: the model and the prompt compose it, the color gives its palette, the style its hand.

    Raises:
        ValueError: a side is not from 64 to 2,048 pixels, or more than four times the other.
    """
    sides = sorted((width, height))
    if not {width, height} <= set(_SIDES_PIXELS) or sides[1] > _LONGEST_TO_SHORTEST * sides[0]:
        raise ValueError(f"a picture of {width}x{height} pixels is not drawn")
    chance = Chance(model, style, color, prompt)
    composed = scene(model, width / height, Chance(model, prompt))
    subject = Subject(composed, palette(color, Chance(color, prompt)), (width, height), chance)
    png = io.BytesIO()
    paint(style, subject).save(png, "PNG", compress_level=1)
    return png.getvalue()
