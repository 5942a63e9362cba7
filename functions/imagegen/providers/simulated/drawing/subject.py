"""Owns what a style is given to paint: a scene, its colours, its size, and the chance of the details.

Knows no style.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from imagegen.providers.simulated.drawing.chance import Chance
from imagegen.providers.simulated.drawing.painting import Size
from imagegen.providers.simulated.drawing.palettes import Palette
from imagegen.providers.simulated.drawing.scenes import Scene


@dataclass(frozen=True)
class Subject:
    """What is to be painted, in which colours, and how large in pixels."""

    scene: Scene
    palette: Palette
    size: Size
    chance: Chance

    def pixels(self, parts: float) -> int:
        """Return so many 512ths of the width, at least one pixel: what looks as thin in every size."""
        return max(1, round(parts * self.size[0] / 512))

    def sized(self, size: Size) -> Subject:
        """Return the same in another size."""
        return replace(self, size=size)
