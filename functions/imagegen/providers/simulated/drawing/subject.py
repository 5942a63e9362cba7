"""Owns the input of a style: a scene, its colours, its size, and the random numbers of the details.

Must not know a style.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from imagegen.providers.simulated.drawing.chance import Chance
from imagegen.providers.simulated.drawing.painting import Size
from imagegen.providers.simulated.drawing.palettes import Palette
from imagegen.providers.simulated.drawing.scenes import Scene


@dataclass(frozen=True)
class Subject:
    """A scene, its palette, the size of the picture in pixels, and the source of random details."""

    scene: Scene
    palette: Palette
    size: Size
    chance: Chance

    def pixels(self, parts: float) -> int:
        """Return `parts` / 512 of the width, at least one pixel: a length that scales with the picture."""
        return max(1, round(parts * self.size[0] / 512))

    def sized(self, size: Size) -> Subject:
        """Return the same subject in another size."""
        return replace(self, size=size)
