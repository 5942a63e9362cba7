"""Owns the means of painting: gradients, soft noise, lights and masks in Pillow, in pixels.

Knows neither scenes nor styles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imagegen.providers.simulated.drawing.chance import Chance
from imagegen.providers.simulated.drawing.palettes import Rgb

Size = tuple[int, int]
# Shapes are drawn this much larger and then reduced, which smooths their edges.
_FINER = 2


def gradient(size: Size, stops: Sequence[Rgb]) -> Image.Image:
    """Blend colours from the top to the bottom."""
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(list(stops))
    # From the middle of the first to the middle of the last, so that both ends have their own colour.
    return column.resize(size, Image.Resampling.BICUBIC, box=(0, 0.4, 1, len(stops) - 0.4))


def banded(size: Size, colors: Sequence[Rgb]) -> Image.Image:
    """Lay colours from the top to the bottom, each for itself."""
    column = Image.new("RGB", (1, len(colors)))
    column.putdata(list(colors))
    return column.resize(size, Image.Resampling.NEAREST)


def noise(size: Size, chance: Chance, cells: Size, octaves: int = 3) -> Image.Image:
    """Blend soft noise of so many cells with finer ones, in grey around the middle."""
    # Half the size is enough for what is soft.
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    blended = Image.new("L", half)
    for octave in range(octaves):
        grid = (min(cells[0] << octave, half[0]), min(cells[1] << octave, half[1]))
        grain = Image.frombytes("L", grid, chance.noise(grid[0] * grid[1])).resize(half, Image.Resampling.BICUBIC)
        blended = Image.blend(blended, grain, 0.4 if octave else 1)
    return blended.resize(size, Image.Resampling.BICUBIC)


def levels(image: Image.Image, low: int, high: int, most: int = 255) -> Image.Image:
    """Stretch what is between two greys to 0 and `most`; `low` may be the higher one, which inverts."""
    return image.point([max(0, min(most, (grey - low) * most // (high - low))) for grey in range(256)])


def mask(size: Size, shapes: Sequence[Sequence[tuple[float, float]]]) -> Image.Image:
    """Fill shapes, given in parts of the sides, with white on black, smooth at the edges."""
    width, height = size[0] * _FINER, size[1] * _FINER
    fine = Image.new("L", (width, height))
    drawn = ImageDraw.Draw(fine)
    for shape in shapes:
        drawn.polygon([(round(x * width), round(y * height)) for x, y in shape], fill=255)
    return fine.reduce(_FINER)


def disc(size: Size, center: tuple[float, float], radius: float) -> Image.Image:
    """Fill a circle, whose radius is in parts of the width, with white on black."""
    x, y, r = round(center[0] * size[0]), round(center[1] * size[1]), max(2, round(radius * size[0]))
    grey = Image.new("L", size)
    fine = Image.new("L", (8 * r, 8 * r))
    ImageDraw.Draw(fine).ellipse((0, 0, 8 * r - 1, 8 * r - 1), fill=255)
    grey.paste(fine.reduce(4), (x - r, y - r))
    return grey


def glow(size: Size, center: tuple[float, float], radius: float, strength: int) -> Image.Image:
    """Light that falls off around a point, up to a radius in parts of the width."""
    r = round(radius * size[0])
    # Pillow's own gradient is 0 in the middle and 255 from the edges on.
    light = Image.radial_gradient("L").point([(255 - grey) ** 2 * strength // 255**2 for grey in range(256)])
    grey = Image.new("L", size)
    grey.paste(
        light.resize((2 * r, 2 * r), Image.Resampling.BILINEAR),
        (round(center[0] * size[0]) - r, round(center[1] * size[1]) - r),
    )
    return grey


def lay(canvas: Image.Image, color: Rgb, where: Image.Image) -> None:
    """Cover a canvas with a colour where a mask is white."""
    box = where.getbbox()
    if box:
        canvas.paste(color, box, where.crop(box))


def moved(image: Image.Image, right: int, down: int) -> Image.Image:
    """Move an image; the edge that it leaves keeps what it had."""
    copy = image.copy()
    copy.paste(image, (right, down))
    return copy


def edge(of: Image.Image, right: int, down: int) -> Image.Image:
    """What of a mask a light from the other side catches, to a depth of so many pixels."""
    return ImageChops.subtract(of, moved(of, right, down))


def soft(image: Image.Image, pixels: float) -> Image.Image:
    """Blur."""
    return image.filter(ImageFilter.GaussianBlur(pixels))


def relief(size: Size, chance: Chance, cells: Size, strength: float, octaves: int = 4) -> Image.Image:
    """Rough ground lit from the left: grey around the middle."""
    ground = noise(size, chance, cells, octaves)
    step = max(1, size[0] // 256)
    return ImageChops.subtract(ground, moved(ground, step, step), scale=1 / strength, offset=128)


def ramp(size: Size, light: Callable[[float], float]) -> Image.Image:
    """Return grey that depends on the height alone: `light` takes 0 (top) to 1 and gives 0 (black) to 1."""
    column = Image.new("L", (1, 256))
    column.putdata([max(0, min(255, round(255 * light(number / 255)))) for number in range(256)])
    return column.resize(size, Image.Resampling.BILINEAR)


def falling(size: Size, start: float, top: float, slope: float) -> Image.Image:
    """Return grey that falls from its start, from the top of something on."""
    return ramp(size, lambda y: start - slope * max(0.0, y - top))


def faded(image: Image.Image, share: float) -> Image.Image:
    """Return an image with so much of its light."""
    return image.point([min(255, round(grey * share)) for grey in range(256)] * len(image.getbands()))


def grain(size: Size, chance: Chance, cells: int, depth: int) -> Image.Image:
    """Return the tooth of paper, nearly white, to multiply with; the lower the depth, the rougher."""
    tooth = Image.frombytes("L", (cells, cells), chance.noise(cells * cells))
    return levels(tooth.resize(size, Image.Resampling.BICUBIC), -depth, 180)


def in_colors(grey: Image.Image) -> Image.Image:
    """Return a grey image with three equal bands, to be combined with a coloured one."""
    return Image.merge("RGB", [grey] * 3)


def one_color(size: Size, color: Rgb) -> Image.Image:
    """Return nothing but a colour."""
    return Image.new("RGB", size, color)
