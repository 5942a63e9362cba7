"""Owns which style of the catalog paints how.

Knows nothing of what a scene shows.
"""

from __future__ import annotations

from PIL import Image

from imagegen.providers.simulated.drawing import anime, cyberpunk, oil_painting, realistic, sketch, watercolor
from imagegen.providers.simulated.drawing.chance import Chance
from imagegen.providers.simulated.drawing.subject import Subject

_STYLES = {
    "realistic": realistic.paint,
    "anime": anime.paint,
    "oil-painting": oil_painting.paint,
    "sketch": sketch.paint,
    "cyberpunk": cyberpunk.paint,
    "watercolor": watercolor.paint,
}


def paint(style: str, subject: Subject) -> Image.Image:
    """Paint in a style, or in the one that the name of an unknown style comes to."""
    return (_STYLES.get(style) or Chance(style).pick(tuple(_STYLES.values())))(subject)
