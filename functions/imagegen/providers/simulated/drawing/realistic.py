"""Owns the realistic style: soft light, haze between the ridges, reflections in water.

Must not know which scenes there are.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw

from imagegen.providers.simulated.drawing.painting import (
    disc,
    edge,
    faded,
    glow,
    gradient,
    in_colors,
    lay,
    levels,
    mask,
    noise,
    ramp,
    relief,
    soft,
)
from imagegen.providers.simulated.drawing.palettes import BLACK, mix
from imagegen.providers.simulated.drawing.scenes import Land, Water
from imagegen.providers.simulated.drawing.subject import Subject


def paint(subject: Subject) -> Image.Image:
    """Paint."""
    scene, palette, size = subject.scene, subject.palette, subject.size
    canvas = gradient(size, (*palette.sky, palette.sky[-1], palette.sky[-1]))
    veils = levels(noise(size, subject.chance, (3, 8), 4), 118, 200, 190)
    clouds = ImageChops.multiply(veils, ramp(size, lambda y: 1.1 - 1.9 * abs(y - 0.22)))
    lay(canvas, mix(palette.sky[-1], palette.sun, 0.4), clouds)
    for light in (
        glow(size, scene.sun, 0.75, 150),
        glow(size, scene.sun, 3.2 * scene.sun_radius, 190),
        disc(size, scene.sun, scene.sun_radius),
    ):
        lay(canvas, palette.sun, light)
    rough = in_colors(relief(size, subject.chance, (5, 9), 0.5))
    for layer in scene.layers:
        if isinstance(layer, Water):
            _mirror(subject, canvas, layer)
        else:
            _rise(subject, canvas, layer, rough)
    corners = Image.radial_gradient("L").resize(size, Image.Resampling.BILINEAR)
    lay(canvas, mix(palette.near, BLACK, 0.4), levels(corners, 130, 330, 150))
    return canvas


def _rise(subject: Subject, canvas: Image.Image, land: Land, rough: Image.Image) -> None:
    palette, shape = subject.palette, mask(subject.size, land.shapes)
    box = shape.getbbox()
    if not box:
        return
    color = palette.land(land.depth)
    haze = mix(color, palette.sky[-1], 0.75 * (1 - land.depth))
    wide, high = box[2] - box[0], box[3] - box[1]
    ground = gradient((wide, subject.size[1] * 5 // 8), (color, mix(color, haze, 0.6), haze)).crop((0, 0, wide, high))
    if land.depth < 0.9:
        ground = ImageChops.overlay(ground, rough.crop(box))
    canvas.paste(ground, box[:2], shape.crop(box))
    lay(canvas, mix(color, palette.sun, 0.5), faded(edge(shape, 0, subject.pixels(3)), 0.35))


def _mirror(subject: Subject, canvas: Image.Image, water: Water) -> None:
    (width, height), palette, chance = subject.size, subject.palette, subject.chance
    shore = round(water.top * height)
    deep = height - shore
    seen = canvas.crop((0, max(0, shore - deep), width, shore)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    tint = gradient((width, deep), (palette.sky[-1], palette.land(0.3), palette.land(0.75)))
    seen = Image.blend(soft(seen.resize((width, deep)), subject.pixels(2)), tint, 0.42)
    canvas.paste(seen, (0, shore))
    y = 0
    while y < deep:
        row = 1 + y * subject.pixels(6) // deep
        shift = round(chance.between(-1, 1) * subject.pixels(1 + 9 * y / deep))
        canvas.paste(seen.crop((0, y, width, y + row)), (shift, shore + y))
        y += row
    glitter = Image.new("L", subject.size)
    drawn = ImageDraw.Draw(glitter)
    for _ in range(110):
        near = chance.between(0, 1) ** 1.5
        aside = (0.035 + 0.09 * near) * (chance.between(-1, 1) + chance.between(-1, 1))
        x, y = round(width * (subject.scene.sun[0] + aside)), shore + round(near * deep)
        half, light = subject.pixels(2 + 9 * near * chance.between(0.3, 1)), round(chance.between(110, 240))
        drawn.line((x - half, y, x + half, y), fill=light, width=subject.pixels(1 + 1.2 * near))
    lay(canvas, palette.sun, glitter)
