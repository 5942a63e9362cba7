"""Owns the watercolor: layers of washes on paper, with blotches, ragged edges and darker rims.

Must not know which scenes there are.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw

from imagegen.providers.simulated.drawing.painting import (
    disc,
    faded,
    falling,
    gradient,
    grain,
    in_colors,
    levels,
    mask,
    noise,
    one_color,
    soft,
)
from imagegen.providers.simulated.drawing.palettes import WHITE, mix
from imagegen.providers.simulated.drawing.scenes import Land, Water
from imagegen.providers.simulated.drawing.subject import Subject


def paint(subject: Subject) -> Image.Image:
    """Paint."""
    return _Sheet(subject).painted()


class _Sheet:
    """A sheet of paper: the painting, the paper texture, and the noise of edges and blotches."""

    def __init__(self, subject: Subject) -> None:
        self._subject, self._size = subject, subject.size
        width, height = subject.size
        self._paper = mix(WHITE, subject.palette.sky[-1], 0.12)
        self._canvas = one_color(subject.size, self._paper)
        self._ragged = levels(noise(subject.size, subject.chance, (12, 12 * height // width), 4), -60, 300)
        self._blotches = noise(subject.size, subject.chance, (4, max(1, 4 * height // width)), 4)
        # The painted area, without a margin.
        self._inside = mask(subject.size, [((0.05, 0.05), (0.95, 0.05), (0.95, 0.95), (0.05, 0.95))])

    def painted(self) -> Image.Image:
        """Return the finished painting."""
        scene, palette, size, chance = self._subject.scene, self._subject.palette, self._size, self._subject.chance
        sky = ImageChops.subtract(self._inside, disc(size, scene.sun, 1.1 * scene.sun_radius))
        tints = [mix(color, self._paper, 0.22) for color in (*palette.sky, palette.sky[-1], palette.sky[-1])]
        self._wash(sky, gradient(size, tints), levels(self._blotches, -60, 210))
        sun = disc(size, scene.sun, scene.sun_radius)
        self._wash(sun, one_color(size, mix(palette.sun, palette.sky[-1], 0.8)), levels(self._blotches, -200, 200))
        for layer in scene.layers:
            if isinstance(layer, Water):
                self._flood(layer)
            else:
                self._rise(layer)
        self._wash(self._drops(), one_color(size, palette.accent), levels(self._blotches, -200, 200))
        return ImageChops.multiply(self._canvas, in_colors(grain(size, chance, 256, 2600)))

    def _drops(self) -> Image.Image:
        chance, (width, height) = self._subject.chance, self._size
        drops = Image.new("L", self._size)
        drawn = ImageDraw.Draw(drops)
        for _ in range(14):
            x, y = chance.between(0.05, 0.95) * width, chance.between(0.05, 0.95) * height
            radius = chance.between(0.003, 0.007) * width
            drawn.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        return drops

    def _flood(self, water: Water) -> None:
        palette = self._subject.palette
        sea = mask(self._size, [((0, water.top), (1, water.top), (1, 1), (0, 1))])
        # Unpainted stripes are the light on the waves.
        waves = levels(noise(self._size, self._subject.chance, (2, 30), 2), 60, 130)
        sea = ImageChops.multiply(ImageChops.multiply(sea, waves), self._inside)
        color = mix(palette.land(0.35), palette.sky[1], 0.4)
        self._wash(sea, one_color(self._size, color), levels(self._blotches, -150, 220))

    def _rise(self, land: Land) -> None:
        color = mix(self._subject.palette.land(land.depth), self._paper, 0.42 - 0.3 * land.depth)
        shape = ImageChops.multiply(mask(self._size, land.shapes), self._inside)
        fade = falling(self._size, 1, land.top, 2.2 * (1 - land.depth))
        self._wash(shape, one_color(self._size, color), ImageChops.multiply(levels(self._blotches, -110, 190), fade))
        # Rotated, so that each ridge has its blotches in other places.
        self._blotches = self._blotches.transpose(Image.Transpose.ROTATE_180)

    def _wash(self, shape: Image.Image, color: Image.Image, density: Image.Image) -> None:
        """Lay a transparent wash of colour over the canvas, with the density of an image."""
        box = shape.getbbox()
        if not box:
            return
        (width, height), room = self._size, self._subject.pixels(8)
        box = (max(0, box[0] - room), max(0, box[1] - room), min(width, box[2] + room), min(height, box[3] + room))
        wet = ImageChops.add(soft(shape.crop(box), self._subject.pixels(2)), self._ragged.crop(box), scale=2)
        wet = levels(wet, 116, 132)
        dried = faded(ImageChops.subtract(wet, soft(wet, self._subject.pixels(5))), 0.6)
        amount = ImageChops.add(ImageChops.multiply(wet, density.crop(box)), dried)
        self._canvas.paste(ImageChops.multiply(self._canvas.crop(box), color.crop(box)), box[:2], amount)
