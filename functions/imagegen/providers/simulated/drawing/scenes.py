"""Owns the composition of a picture: the sun, and layers of shapes, in fractions of the sides.

Must not know colours nor how shapes are painted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from imagegen.providers.simulated.drawing.chance import Chance

Point = tuple[float, float]
Polygon = tuple[Point, ...]


@dataclass(frozen=True)
class Land:
    """Land at one depth, from 0 (far) to 1 (near): the ground below a ridge, from left to right, and objects on it."""

    depth: float
    ridge: Polygon = ()
    foot: float = 1.02
    things: tuple[Polygon, ...] = ()

    @property
    def shapes(self) -> tuple[Polygon, ...]:
        """The ground and the objects."""
        return ((*self.ridge, (1, self.foot), (0, self.foot)), *self.things) if self.ridge else self.things

    @property
    def top(self) -> float:
        """The height of the highest point, as a fraction from the top."""
        return min(y for shape in self.shapes for _, y in shape)


@dataclass(frozen=True)
class Water:
    """Water, from `top` to the lower edge."""

    top: float


@dataclass(frozen=True)
class Scene:
    """A landscape, farthest layer first, in fractions of the sides; `sun_radius` is a fraction of the width."""

    sun: Point
    sun_radius: float
    layers: tuple[Land | Water, ...]

    @property
    def lands(self) -> tuple[Land, ...]:
        """The layers without the water."""
        return tuple(layer for layer in self.layers if isinstance(layer, Land))


def scene(model: str, ratio: float, chance: Chance) -> Scene:
    """Return the scene of a model for a prompt, the seed of `chance`; `ratio` is width / height of the picture."""
    return (_SCENES.get(model) or Chance(model).pick(tuple(_SCENES.values())))(ratio, chance)


def _mountains(ratio: float, chance: Chance) -> Scene:
    lands = []
    for depth in (0, 0.25, 0.5, 0.75, 1):
        swing = (0.3 - 0.22 * depth) * chance.between(0.8, 1.2)
        ridge = _ridge(chance, 0.46 + 0.4 * depth, swing, roughness=0.56 - 0.12 * depth)
        height, count = {0.75: (0.05, 40), 1: (0.17, 26)}.get(depth, (0, 0))
        lands.append(Land(depth, ridge, things=_forest(ratio, chance, ridge, height, count)))
    sun = (chance.between(0.2, 0.8), chance.between(0.16, 0.34))
    return Scene(sun, chance.between(0.055, 0.1), tuple(lands))


def _sea(ratio: float, chance: Chance) -> Scene:
    horizon, side = chance.between(0.52, 0.62), chance.pick((0, 1))
    boat = chance.between(0.35, 0.65)
    shore = _headland(chance, 1.0, 0.2, side, 0.95)
    layers = (
        Land(0, _headland(chance, horizon, 0.1, 1 - side, 0.75), foot=horizon),
        Land(0.3, _headland(chance, horizon, 0.2, side, 0.6), foot=horizon),
        Water(horizon),
        Land(0.75, things=_boat(ratio, boat, horizon + 0.09, 0.055)),
        Land(1, shore, things=_forest(ratio, chance, shore, 0.13, 16)),
    )
    # The sun is above the open water.
    sun_x = boat + (-0.2 if side else 0.2) + chance.between(-0.05, 0.05)
    return Scene((sun_x, horizon - chance.between(0.1, 0.24)), chance.between(0.07, 0.12), layers)


_SCENES: dict[str, Callable[[float, Chance], Scene]] = {"model-a": _mountains, "model-b": _sea}


def _ridge(chance: Chance, middle: float, swing: float, roughness: float) -> Polygon:
    """Return a ridge line, by midpoint displacement."""
    heights = [chance.between(-0.3, 0.3), chance.between(-1, 1), chance.between(-0.3, 0.3)]
    reach = 0.6
    for _ in range(6):
        between = [(a + b) / 2 + chance.between(-reach, reach) for a, b in pairwise(heights)]
        heights = [height for pair in zip(heights, between, strict=False) for height in pair] + heights[-1:]
        reach *= roughness
    last = len(heights) - 1
    return tuple((number / last, middle - swing * height) for number, height in enumerate(heights))


def _headland(chance: Chance, foot: float, height: float, side: int, reach: float) -> Polygon:
    """Return land that enters from the left (side 0) or right (side 1) and falls to `foot` within `reach`."""
    points = []
    for x, bump in _ridge(chance, 0, 0.25, roughness=0.55):
        rise = max(0.0, 1 - (1 - x if side else x) / reach)
        points.append((x, foot + 0.001 - height * rise * (0.9 + 2.2 * bump * rise)))
    return tuple(points)


def _forest(ratio: float, chance: Chance, ridge: Polygon, height: float, count: int) -> tuple[Polygon, ...]:
    trees = []
    for _ in range(count):
        x, y = chance.pick(ridge)
        # No trees where the ridge is at the lower edge.
        if y < 0.99:
            x, y = x + chance.between(-0.006, 0.006), y + 0.012
            trees.append(_pine(ratio, x, y, height * chance.between(0.45, 1)))
    return tuple(trees)


def _pine(ratio: float, x: float, foot: float, height: float) -> Polygon:
    tiers = 5
    right = []
    for tier in range(tiers):
        up = height * (1 - tier / tiers * 0.9)
        half = height * (0.06 + 0.17 * (tier + 1) / tiers)
        right += [(half * 0.42 if tier else 0, up), (half, up - height * 0.22)]
    right += [(height * 0.03, height * 0.02), (height * 0.03, 0)]
    outline = right + [(-side, up) for side, up in reversed(right)]
    return tuple((x + side, foot - up * ratio) for side, up in outline)


def _boat(ratio: float, x: float, y: float, size: float) -> tuple[Polygon, ...]:
    hull = ((-1, 0), (1, 0), (0.6, -0.3), (-0.7, -0.3))
    sail = ((0, 0.1), (0, 1.9), (0.85, 0.1))
    jib = ((-0.1, 0.1), (-0.1, 1.6), (-0.75, 0.1))
    return tuple(tuple((x + side * size, y - up * size * ratio) for side, up in shape) for shape in (hull, sail, jib))
