"""Owns the oil painting: layers of brush strokes, from broad to fine, with light on their ridges.

Must not know which scenes there are.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imagegen.providers.simulated.drawing import realistic
from imagegen.providers.simulated.drawing.painting import in_colors
from imagegen.providers.simulated.drawing.subject import Subject

# The source picture has this width; strokes are measured in its pixels.
_WIDTH = 256
# Of each brush: the distance between strokes, their length and their width.
_BRUSHES = ((8, 16, 8.5), (5.5, 10, 4.6), (4.5, 6, 2.4))
# The direction of strokes changes on a grid of this many cells per side.
_TURNS = 8
_SUPERSAMPLING = 2


def paint(subject: Subject) -> Image.Image:
    """Paint."""
    width, height = subject.size
    high = max(1, _WIDTH * height // width)
    seen = realistic.paint(subject.sized((_WIDTH, high)))
    # Oil paintings have a stronger contrast.
    seen = seen.point([max(0, min(255, round(128 + (part - 128) * 1.2))) for part in range(256)] * 3)
    canvas = Image.new("RGB", (_SUPERSAMPLING * width, _SUPERSAMPLING * height), subject.palette.land(0.4))
    for step, long, wide in _BRUSHES:
        _stroke(subject, seen, canvas, step, long, wide)
    canvas = canvas.reduce(_SUPERSAMPLING)
    ridges = canvas.convert("L").filter(ImageFilter.Kernel((3, 3), (-1, -1, 0, -1, 0, 1, 0, 1, 1), 2, 128))
    return ImageChops.overlay(canvas, in_colors(ridges))


def _stroke(subject: Subject, seen: Image.Image, canvas: Image.Image, step: float, long: float, wide: float) -> None:
    chance, high, scale = subject.chance, seen.height, _SUPERSAMPLING * subject.size[0] / _WIDTH
    colors, turns = seen.tobytes(), chance.noise(_TURNS * _TURNS)
    drawn = ImageDraw.Draw(canvas)
    for down in range(int(high / step) + 1):
        for across in range(int(_WIDTH / step) + 1):
            x, y = (across + chance.between(0, 1)) * step, (down + chance.between(0, 1)) * step
            column, row = min(int(x), _WIDTH - 1), min(int(y), high - 1)
            at, shade = 3 * (row * _WIDTH + column), chance.between(0.91, 1.09)
            red, green, blue = (min(255, round(part * shade)) for part in colors[at : at + 3])
            lean = turns[row * _TURNS // high * _TURNS + column * _TURNS // _WIDTH] / 255 - 0.5
            dx, dy = long * chance.between(0.25, 0.5), long * (lean + chance.between(-0.15, 0.15))
            ends = ((x - dx) * scale, (y - dy) * scale, (x + dx) * scale, (y + dy) * scale)
            drawn.line(ends, fill=(red, green, blue), width=round(wide * scale))
