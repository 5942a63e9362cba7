"""Owns the sketch: coloured pencils on paper; darker areas have more layers of hatching.

Must not know which scenes there are.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw

from imagegen.providers.simulated.drawing.painting import (
    disc,
    falling,
    glow,
    gradient,
    grain,
    levels,
    mask,
    noise,
    one_color,
    relief,
)
from imagegen.providers.simulated.drawing.palettes import WHITE, mix
from imagegen.providers.simulated.drawing.scenes import Water
from imagegen.providers.simulated.drawing.subject import Subject

# The slope of the lines in each layer of hatching.
_LEANS = (0.9, -0.6, 0.25)
_SUPERSAMPLING = 2


def paint(subject: Subject) -> Image.Image:
    """Paint."""
    palette, size = subject.palette, subject.size
    pencils, dark = _seen(subject)
    strokes = _contours(subject)
    for layer, lean in enumerate(_LEANS):
        hatching = ImageChops.multiply(_hatching(subject, lean), levels(dark, 5 + 60 * layer, 95 + 60 * layer))
        strokes = ImageChops.lighter(strokes, hatching)
    paper = one_color(size, mix(WHITE, palette.sky[-1], 0.14))
    return Image.composite(pencils, paper, ImageChops.multiply(strokes, grain(size, subject.chance, 128, 120)))


def _seen(subject: Subject) -> tuple[Image.Image, Image.Image]:
    """Return the colours of the pencils, and the darkness (white is dark), of the scene."""
    scene, palette, size, chance = subject.scene, subject.palette, subject.size, subject.chance
    pencils = gradient(size, [mix(color, palette.near, 0.3) for color in (*palette.sky, palette.sky[-1])])
    dark = falling(size, 0.5, 0, 0.8)
    for light in (glow(size, scene.sun, 0.4, 130), disc(size, scene.sun, scene.sun_radius)):
        dark = ImageChops.subtract(dark, light)
    rough = relief(size, chance, (7, 9), 0.5, octaves=3)
    for layer in scene.layers:
        if isinstance(layer, Water):
            box = (0, round(layer.top * size[1]), *size)
            pencils.paste(palette.land(0.45), box)
            dark.paste(levels(noise(size, chance, (3, 40), 2).crop(box), 90, 190, 120), box)
        else:
            shape = mask(size, layer.shapes)
            pencils.paste(mix(palette.land(layer.depth), palette.near, 0.35), (0, 0), shape)
            tone = falling(size, 0.5 + 0.47 * layer.depth, layer.top, 0.8 * (1 - layer.depth))
            dark.paste(ImageChops.add(tone, rough, offset=-128), (0, 0), shape)
    return pencils, dark


def _hatching(subject: Subject, lean: float) -> Image.Image:
    (width, height), chance = (_SUPERSAMPLING * subject.size[0], _SUPERSAMPLING * subject.size[1]), subject.chance
    lines = Image.new("L", (width, height))
    drawn = ImageDraw.Draw(lines)
    gap, long = _SUPERSAMPLING * subject.pixels(4), _SUPERSAMPLING * subject.pixels(110)
    # From the first to the last line that crosses the picture.
    for y in range(round(min(0, -lean * width)), round(height + max(0, -lean * width)), gap):
        x = -chance.between(0, long)
        while x < width:
            end = x + long * chance.between(0.7, 1.2)
            start_y, end_y = (y + lean * at + gap * chance.between(-0.4, 0.4) for at in (x, end))
            drawn.line((x, start_y, end, end_y), fill=round(chance.between(150, 255)), width=subject.pixels(2.4))
            x = end - 0.06 * long
    return lines.reduce(_SUPERSAMPLING)


def _contours(subject: Subject) -> Image.Image:
    (width, height), chance = (_SUPERSAMPLING * subject.size[0], _SUPERSAMPLING * subject.size[1]), subject.chance
    lines = Image.new("L", (width, height))
    drawn = ImageDraw.Draw(lines)
    off = _SUPERSAMPLING * subject.pixels(1.2)
    for land in subject.scene.lands:
        for shape in (land.ridge, *((*thing, thing[0]) for thing in land.things)):
            # Each contour is drawn twice, slightly displaced, as in a hand-drawn sketch.
            for _ in range(2):
                points = [
                    (width * x + chance.between(-off, off), height * y + chance.between(-off, off)) for x, y in shape
                ]
                drawn.line(points, fill=round(150 + 90 * land.depth), width=subject.pixels(2.2), joint="curve")
    return lines.reduce(_SUPERSAMPLING)
