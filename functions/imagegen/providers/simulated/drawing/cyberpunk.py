"""Owns the cyberpunk style: a city at night, glowing lines, a grid to the horizon, scan lines of a screen.

Must not know which scenes there are.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw

from imagegen.providers.simulated.drawing.painting import disc, faded, glow, gradient, lay, mask, one_color, soft
from imagegen.providers.simulated.drawing.palettes import BLACK, WHITE, Rgb, mix
from imagegen.providers.simulated.drawing.scenes import Point
from imagegen.providers.simulated.drawing.subject import Subject

_HORIZON = 0.68
# Nearer land would hide the city.
_MAX_DEPTH = 0.6


def paint(subject: Subject) -> Image.Image:
    """Paint."""
    palette, size = subject.palette, subject.size
    night = mix(palette.near, BLACK, 0.55)
    foot = round(_HORIZON * size[1])
    canvas = _sky(subject, night)
    lights = one_color(size, BLACK)
    drawn = ImageDraw.Draw(lights)
    _stars(subject, drawn)
    for land in subject.scene.lands:
        if land.ridge and land.depth < _MAX_DEPTH:
            shape = mask(size, land.shapes)
            slope = gradient(size, (night, mix(night, palette.far, 0.5), mix(night, palette.far, 0.15)))
            canvas.paste(slope, (0, 0), shape)
            lights.paste(BLACK, (0, 0), shape)
            ridge = [(x * size[0], y * size[1]) for x, y in land.ridge]
            drawn.line(ridge, fill=mix(palette.far, palette.accent, land.depth), width=subject.pixels(1.6))
    _city(subject, ImageDraw.Draw(canvas), drawn, night)
    floor = gradient((size[0], size[1] - foot), (mix(night, palette.sky[2], 0.55), night, night))
    canvas.paste(floor, (0, foot))
    _grid(subject, drawn)
    for blur in (10, 3):
        canvas = ImageChops.screen(canvas, faded(soft(lights, subject.pixels(blur)), 2))
    return ImageChops.multiply(ImageChops.lighter(canvas, lights), _screen(subject))


def _sky(subject: Subject, night: Rgb) -> Image.Image:
    palette, size = subject.palette, subject.size
    shares = (0.1, 0.25, 0.45, 0.6)
    sky = [mix(night, color, share) for color, share in zip(palette.sky, shares, strict=False)]
    canvas = gradient(size, (*sky, mix(night, palette.sky[-1], 0.3), night, night))
    sun = (0.3 + 0.4 * subject.scene.sun[0], 0.4)
    lay(canvas, palette.sky[-1], glow(size, sun, 0.7, 130))
    colors = (palette.sun, palette.sun, palette.sky[-1], palette.sky[-2], palette.sky[-2])
    canvas.paste(gradient(size, colors), (0, 0), _barred(subject, sun))
    return canvas


def _barred(subject: Subject, sun: Point) -> Image.Image:
    """Return the mask of a sun with bars cut out of its lower half."""
    width, height = subject.size
    shape = disc(subject.size, sun, 0.2)
    drawn = ImageDraw.Draw(shape)
    for bar in range(7):
        y = round(sun[1] * height + (bar * 0.03 - 0.01) * width)
        drawn.rectangle((0, y, width, y + round(width * (0.003 + 0.0022 * bar))), fill=0)
    return shape


def _stars(subject: Subject, lights: ImageDraw.ImageDraw) -> None:
    chance, (width, height) = subject.chance, subject.size
    for _ in range(70):
        at = (chance.between(0, width), chance.between(0, 0.5 * height))
        lights.point([at], fill=mix(BLACK, subject.palette.sun, chance.between(0.2, 0.9)))


def _city(subject: Subject, walls: ImageDraw.ImageDraw, lights: ImageDraw.ImageDraw, night: Rgb) -> None:
    (width, height), palette, chance = subject.size, subject.palette, subject.chance
    foot, cell = round(_HORIZON * height), subject.pixels(6)
    left = -round(chance.between(0, 0.03) * width)
    while left < width:
        right = left + max(2 * cell, round(width * chance.between(0.03, 0.09)))
        # Buildings are low in the middle, so that the sun is visible.
        aside = abs((left + right) / 2 / width - 0.5)
        top = round(foot - width * chance.between(0.05, 0.16) * (0.45 + 2.4 * aside))
        walls.rectangle((left, top, right, foot), fill=mix(night, palette.near, chance.between(0, 0.7)))
        lights.rectangle((left, top, right, foot), fill=BLACK)
        lights.line((left, top, right, top), fill=mix(BLACK, palette.accent, 0.55), width=subject.pixels(1))
        lit = chance.pick((palette.accent, palette.sun, palette.sky[-1]))
        for y in range(top + cell, foot - cell, cell):
            for x in range(left + cell, right - cell // 2, cell):
                if chance.between(0, 1) < 0.34:
                    window = (x, y, x + max(0, cell // 2 - 1), y + cell // 2)
                    lights.rectangle(window, fill=mix(BLACK, lit, chance.between(0.25, 0.85)))
        left = right + round(width * chance.between(-0.012, 0.012))


def _grid(subject: Subject, lights: ImageDraw.ImageDraw) -> None:
    (width, height), accent = subject.size, subject.palette.accent
    foot = _HORIZON * height
    lights.rectangle((0, foot, width, height), fill=BLACK)
    for number in range(-22, 23):
        ends = (width / 2 + number * width * 0.035, foot, width / 2 + number * width * 0.2, height)
        lights.line(ends, fill=mix(BLACK, accent, 0.6), width=subject.pixels(1.6))
    for number in range(1, 15):
        y = foot + (height - foot) * (1 / number - 1 / 15) * 1.07
        color = mix(BLACK, accent, 0.35 + 0.5 / number)
        lights.line((0, y, width, y), fill=color, width=subject.pixels(1 + 1.4 / number))
    lights.line((0, foot, width, foot), fill=subject.palette.sky[-1], width=subject.pixels(2))


def _screen(subject: Subject) -> Image.Image:
    row = subject.pixels(1)
    screen = one_color(subject.size, WHITE)
    drawn = ImageDraw.Draw(screen)
    for y in range(0, subject.size[1], 4 * row):
        drawn.rectangle((0, y, subject.size[0], y + row - 1), fill=(196, 196, 196))
    return screen
