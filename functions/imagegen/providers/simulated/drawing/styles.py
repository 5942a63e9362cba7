"""Owns the mapping from a style of the catalog to its painter.

Must not know which scenes there are.
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
    """Paint in a style; an unknown style selects one of the styles by its name."""
    return (_STYLES.get(style) or Chance(style).pick(tuple(_STYLES.values())))(subject)
