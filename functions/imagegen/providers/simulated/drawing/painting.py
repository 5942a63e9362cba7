"""Owns the painting operations on Pillow images: gradients, noise, lights and masks, in pixels.

Must not know scenes nor styles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from imagegen.providers.simulated.drawing.chance import Chance
from imagegen.providers.simulated.drawing.palettes import Rgb

Size = tuple[int, int]
# Anti-aliasing: shapes are drawn larger by this factor and then reduced.
_SUPERSAMPLING = 2


def gradient(size: Size, stops: Sequence[Rgb]) -> Image.Image:
    """Return a vertical gradient of colours."""
    column = Image.new("RGB", (1, len(stops)))
    column.putdata(list(stops))
    # Sampled from the middle of the first pixel to the middle of the last, so that both ends have their exact colours.
    return column.resize(size, Image.Resampling.BICUBIC, box=(0, 0.4, 1, len(stops) - 0.4))


def banded(size: Size, colors: Sequence[Rgb]) -> Image.Image:
    """Return vertical bands of colours, without blending."""
    column = Image.new("RGB", (1, len(colors)))
    column.putdata(list(colors))
    return column.resize(size, Image.Resampling.NEAREST)


def noise(size: Size, chance: Chance, cells: Size, octaves: int = 3) -> Image.Image:
    """Return smooth grey noise around the middle: `cells` grid cells, blended with octaves of finer noise."""
    # Half the resolution is enough for smooth noise.
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    blended = Image.new("L", half)
    for octave in range(octaves):
        grid = (min(cells[0] << octave, half[0]), min(cells[1] << octave, half[1]))
        grain = Image.frombytes("L", grid, chance.noise(grid[0] * grid[1])).resize(half, Image.Resampling.BICUBIC)
        blended = Image.blend(blended, grain, 0.4 if octave else 1)
    return blended.resize(size, Image.Resampling.BICUBIC)


def levels(image: Image.Image, low: int, high: int, maximum: int = 255) -> Image.Image:
    """Stretch the greys from `low` to `high` to 0 to `maximum`; `low > high` inverts."""
    return image.point([max(0, min(maximum, (grey - low) * maximum // (high - low))) for grey in range(256)])


def mask(size: Size, shapes: Sequence[Sequence[tuple[float, float]]]) -> Image.Image:
    """Return an anti-aliased mask, white on black, of shapes whose coordinates are fractions of the sides."""
    width, height = size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING
    fine = Image.new("L", (width, height))
    drawn = ImageDraw.Draw(fine)
    for shape in shapes:
        drawn.polygon([(round(x * width), round(y * height)) for x, y in shape], fill=255)
    return fine.reduce(_SUPERSAMPLING)


def disc(size: Size, center: tuple[float, float], radius: float) -> Image.Image:
    """Return a mask of a disc, white on black; the radius is a fraction of the width."""
    x, y, r = round(center[0] * size[0]), round(center[1] * size[1]), max(2, round(radius * size[0]))
    grey = Image.new("L", size)
    fine = Image.new("L", (8 * r, 8 * r))
    ImageDraw.Draw(fine).ellipse((0, 0, 8 * r - 1, 8 * r - 1), fill=255)
    grey.paste(fine.reduce(4), (x - r, y - r))
    return grey


def glow(size: Size, center: tuple[float, float], radius: float, strength: int) -> Image.Image:
    """Return light that falls off around a point, up to a radius that is a fraction of the width."""
    r = round(radius * size[0])
    # Pillow's radial gradient is 0 in the middle and 255 at the edges.
    light = Image.radial_gradient("L").point([(255 - grey) ** 2 * strength // 255**2 for grey in range(256)])
    grey = Image.new("L", size)
    grey.paste(
        light.resize((2 * r, 2 * r), Image.Resampling.BILINEAR),
        (round(center[0] * size[0]) - r, round(center[1] * size[1]) - r),
    )
    return grey


def lay(canvas: Image.Image, color: Rgb, where: Image.Image) -> None:
    """Paint a colour on a canvas through a mask."""
    box = where.getbbox()
    if box:
        canvas.paste(color, box, where.crop(box))


def moved(image: Image.Image, right: int, down: int) -> Image.Image:
    """Return a shifted image; the uncovered edge keeps its pixels."""
    copy = image.copy()
    copy.paste(image, (right, down))
    return copy


def edge(of: Image.Image, right: int, down: int) -> Image.Image:
    """Return the edge of a mask, `right` and `down` pixels wide, as lit from the opposite side."""
    return ImageChops.subtract(of, moved(of, right, down))


def soft(image: Image.Image, pixels: float) -> Image.Image:
    """Return a blurred image."""
    return image.filter(ImageFilter.GaussianBlur(pixels))


def relief(size: Size, chance: Chance, cells: Size, strength: float, octaves: int = 4) -> Image.Image:
    """Return the relief of rough ground lit from the left, in grey around the middle."""
    ground = noise(size, chance, cells, octaves)
    step = max(1, size[0] // 256)
    return ImageChops.subtract(ground, moved(ground, step, step), scale=1 / strength, offset=128)


def ramp(size: Size, light: Callable[[float], float]) -> Image.Image:
    """Return grey that depends only on the height: `light` maps 0 (top) to 1 (bottom) to a brightness from 0 to 1."""
    column = Image.new("L", (1, 256))
    column.putdata([max(0, min(255, round(255 * light(number / 255)))) for number in range(256)])
    return column.resize(size, Image.Resampling.BILINEAR)


def falling(size: Size, start: float, top: float, slope: float) -> Image.Image:
    """Return grey that is `start` down to `top`, and decreases with `slope` below it."""
    return ramp(size, lambda y: start - slope * max(0.0, y - top))


def faded(image: Image.Image, share: float) -> Image.Image:
    """Return an image with its brightness multiplied by `share`."""
    return image.point([min(255, round(grey * share)) for grey in range(256)] * len(image.getbands()))


def grain(size: Size, chance: Chance, cells: int, depth: int) -> Image.Image:
    """Return a nearly white paper texture, to multiply with; a lower `depth` is rougher."""
    tooth = Image.frombytes("L", (cells, cells), chance.noise(cells * cells))
    return levels(tooth.resize(size, Image.Resampling.BICUBIC), -depth, 180)


def in_colors(grey: Image.Image) -> Image.Image:
    """Return a grey image as RGB, to combine with a coloured one."""
    return Image.merge("RGB", [grey] * 3)


def one_color(size: Size, color: Rgb) -> Image.Image:
    """Return an image of a single colour."""
    return Image.new("RGB", size, color)
