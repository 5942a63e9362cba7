"""Owns the palettes of the catalog's colors.

Must not know what is drawn with them.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

from imagegen.providers.simulated.drawing.chance import Chance

Rgb = tuple[int, int, int]
WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)


@dataclass(frozen=True)
class Palette:
    """The colours of one picture: the sky from top to horizon, the sun, the land from far to near, and an accent."""

    sky: tuple[Rgb, ...]
    sun: Rgb
    far: Rgb
    near: Rgb
    accent: Rgb

    def land(self, depth: float) -> Rgb:
        """Return the colour of land at a depth from 0 (far) to 1 (near)."""
        return mix(self.far, self.near, depth)


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """Return a mixture of two colours; `share` is that of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def palette(color: str, chance: Chance) -> Palette:
    """Return one of the palettes of a color; an unknown color gets a generated one."""
    return chance.pick(_PALETTES.get(color) or (_generated(Chance(color)),))


def _generated(of_name: Chance) -> Palette:
    hue = of_name.between(0, 1)
    other = hue + of_name.pick((0.08, 0.33, 0.5))

    def tone(hue: float, saturation: float, value: float) -> Rgb:
        red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))
        return red, green, blue

    return Palette(
        sky=(tone(hue, 0.8, 0.4), tone(hue + 0.04, 0.55, 0.8), tone(other, 0.35, 0.98)),
        sun=tone(other, 0.15, 1),
        far=tone(hue + 0.03, 0.5, 0.7),
        near=tone(hue, 0.75, 0.16),
        accent=tone(other, 0.75, 0.95),
    )


def _of(*colors: str) -> Palette:
    *sky, sun, far, near, accent = ((red, green, blue) for red, green, blue in map(bytes.fromhex, colors))
    return Palette(tuple(sky), sun, far, near, accent)


_PALETTES = {
    "vibrant": (
        _of("2b1a6b", "d63f7f", "ff8a4c", "ffd27a", "fff3c9", "c0508f", "1d1043", "ff5e3a"),
        _of("0a5fc4", "2aa6ea", "8fdcf7", "e6f9ff", "fffbe0", "5aa9c4", "0c4a38", "ffcb2e"),
        _of("16205e", "1d6f9e", "35bfa4", "f7e07a", "fffbd6", "2f93a0", "141b45", "ff6f91"),
    ),
    "monochrome": (
        _of("8e8e8e", "bdbdbd", "dddddd", "f6f6f6", "ffffff", "bcbcbc", "161616", "3a3a3a"),
        _of("0e0e0e", "353535", "666666", "a8a8a8", "f8f8f8", "7a7a7a", "060606", "e4e4e4"),
    ),
    "pastel": (
        _of("b9c8f2", "dccdf0", "f9d3e0", "ffeeda", "fffaf0", "d3bfe6", "7d93bd", "f59fb4"),
        _of("a9dbe0", "cdeadf", "eaf2d8", "fff3d6", "fffdf4", "b5d9cf", "6f9f9a", "f6a97f"),
        _of("c6b8ea", "e5c3e8", "fbd0cf", "ffe8c8", "fff9ec", "dcb8d8", "8b7fb5", "9fd8cb"),
    ),
    "neon": (
        _of("07051a", "240a58", "8a12a8", "ff2f9a", "fff04a", "6a1bd1", "07030f", "19f0ff"),
        _of("020912", "04283f", "067a86", "12f0b0", "f4ff63", "0b6b8f", "01060a", "ff3df2"),
        _of("0a0320", "3a0766", "c2127f", "ff7a2f", "ffe45c", "7a1f9c", "0a0214", "3dff8f"),
    ),
    "vintage": (
        _of("5c7f83", "97a58c", "d3bb8b", "efdcaa", "f9edc8", "a58f69", "3b2a1f", "b4512d"),
        _of("7c6552", "b18a64", "dcb684", "f3dfb6", "fff2d2", "a07d5a", "37271f", "6f8560"),
        _of("4f5d6b", "9a8f86", "d9a988", "f2d4ae", "fbe8c6", "9b7f78", "2e2629", "a8453a"),
    ),
}
