"""Owns the anime style: flat colours, hard shadows, outlines, petals in the wind.

Must not know which scenes there are.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw

from imagegen.providers.simulated.drawing.painting import banded, edge, lay, levels, mask, noise
from imagegen.providers.simulated.drawing.palettes import BLACK, WHITE, mix
from imagegen.providers.simulated.drawing.scenes import Land, Polygon, Water
from imagegen.providers.simulated.drawing.subject import Subject

# Anti-aliasing: circles are drawn larger by this factor and then reduced.
_SUPERSAMPLING = 2
_RINGS = 9


def paint(subject: Subject) -> Image.Image:
    """Paint."""
    palette, size = subject.palette, subject.size
    canvas = _sky(subject)
    for _ in range(4):
        cloud = _cloud(subject)
        lay(canvas, mix(palette.sun, WHITE, 0.35), cloud)
        lay(canvas, mix(palette.sky[1], palette.sun, 0.55), edge(cloud, 0, -subject.pixels(9)))
    shadows = levels(noise(size, subject.chance, (4, 6), 2), 124, 130)
    for layer in subject.scene.layers:
        if isinstance(layer, Water):
            _swell(subject, canvas, layer)
        else:
            _cut_out(subject, canvas, layer, shadows)
    lay(canvas, mix(palette.accent, WHITE, 0.3), mask(size, [_petal(subject) for _ in range(46)]))
    return canvas


def _sky(subject: Subject) -> Image.Image:
    """Rings around the sun."""
    palette, (width, height) = subject.palette, subject.size
    canvas = Image.new("RGB", (_SUPERSAMPLING * width, _SUPERSAMPLING * height), palette.sky[0])
    drawn = ImageDraw.Draw(canvas)
    x, y = _SUPERSAMPLING * width * subject.scene.sun[0], _SUPERSAMPLING * height * subject.scene.sun[1]
    for ring in range(1, _RINGS + 1):
        if ring < _RINGS:
            along = ring / _RINGS * (len(palette.sky) - 1)
            color = mix(palette.sky[int(along)], palette.sky[int(along) + 1], along % 1)
        else:
            color = palette.sun
        radius = round(_SUPERSAMPLING * width * (subject.scene.sun_radius + 0.12 * (_RINGS - ring)))
        drawn.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    return canvas.reduce(_SUPERSAMPLING)


def _cloud(subject: Subject) -> Image.Image:
    chance, (width, height) = subject.chance, (_SUPERSAMPLING * subject.size[0], _SUPERSAMPLING * subject.size[1])
    x, foot, scale = chance.between(-0.05, 1.05), chance.between(0.2, 0.5), chance.between(0.6, 1.3)
    cloud = Image.new("L", (width, height))
    drawn = ImageDraw.Draw(cloud)
    for _ in range(11):
        side = chance.between(-1, 1)
        radius = width * scale * chance.between(0.02, 0.06) * (1.3 - abs(side))
        across, down = width * (x + 0.15 * scale * side), height * foot - radius * chance.between(0.1, 0.9)
        drawn.ellipse((across - radius, down - radius, across + radius, down + radius), fill=255)
    drawn.rectangle((0, round(height * foot), width, height), fill=0)
    return cloud.reduce(_SUPERSAMPLING)


def _swell(subject: Subject, canvas: Image.Image, water: Water) -> None:
    (width, height), palette, chance = subject.size, subject.palette, subject.chance
    shore = round(water.top * height)
    bands = [mix(palette.sky[2], palette.land(0.7), band / 5) for band in range(6)]
    canvas.paste(banded((width, height - shore), bands), (0, shore))
    flecks = []
    for _ in range(60):
        near = chance.between(0, 1)
        x, y = chance.between(0, 1), water.top + near**1.4 * (1 - water.top)
        half, thin = 0.01 + 0.035 * near * chance.between(0.3, 1), 0.0015 + 0.003 * near
        flecks.append(((x - half, y), (x, y - thin), (x + half, y), (x, y + thin)))
    lay(canvas, mix(palette.sun, palette.sky[2], 0.25), mask(subject.size, flecks))


def _cut_out(subject: Subject, canvas: Image.Image, land: Land, shadows: Image.Image) -> None:
    palette, shape = subject.palette, mask(subject.size, land.shapes)
    color, ink, line = palette.land(land.depth), mix(palette.near, BLACK, 0.35), subject.pixels(2)
    lay(canvas, color, shape)
    lay(canvas, mix(color, ink, 0.3), ImageChops.multiply(shape, shadows))
    lay(canvas, mix(color, palette.sun, 0.55 - 0.4 * land.depth), edge(shape, subject.pixels(4), subject.pixels(7)))
    for right, down in ((0, line), (line, 0), (-line, 0)):
        lay(canvas, ink, edge(shape, right, down))


def _petal(subject: Subject) -> Polygon:
    chance, ratio = subject.chance, subject.size[0] / subject.size[1]
    x, y, long = chance.between(0, 1), chance.between(0, 1), chance.between(0.005, 0.014)
    lean, wide = chance.between(-1, 1), chance.between(0.3, 0.5)
    points = ((-1, -lean), (-0.2 - wide * lean, wide), (1, lean), (0.2 + wide * lean, -wide))
    return tuple((x + long * right, y + long * down * ratio) for right, down in points)
