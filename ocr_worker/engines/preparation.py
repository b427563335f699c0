"""Images as an engine reads them best: upright, straight and large enough, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import cos, hypot, radians, sin
from typing import Final, Self

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

LINE_PIXELS: Final = 200
"""An image that is lower than this holds lines, not a page with a layout."""
_SMALL_LETTERS_PIXELS: Final = 32
"""A line that is lower than this is enlarged, to `_LINE_HEIGHT_PIXELS`."""
_LINE_HEIGHT_PIXELS: Final = 44
_ENLARGED_AT_MOST: Final = 4.0
_REDUCED_PIXELS: Final = 700
"""The longer side of what the skew is looked for in."""
_LINE_SKEW_DEGREES: Final = 45
_PAGE_SKEW_DEGREES: Final = 8
_SEEN_DEGREES: Final = 0.4
"""Engines follow lines that are less skewed; turning them would only soften the letters."""
_SURE: Final = 1.05
"""How much more the rows of a straightened image have to differ than those of the image."""
_INK_SHARE: Final = 0.5
_EDGE_SHARE: Final = 0.125
"""Of the contrast: smaller steps between pixels are noise."""

Matrix = tuple[float, float, float, float, float, float]
"""`x' = a x + b y + c`, `y' = d x + e y + f`."""
_SAME: Final[Matrix] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_TURNS: Final = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """An image made out of another one; `back` leads from its pixels to those of the other."""

    image: Image.Image
    back: Matrix = _SAME

    def turned(self, degrees: int) -> Self:
        """Turned counter-clockwise by 90, 180 or 270 degrees."""
        width, height = map(float, self.image.size)
        back: Matrix = {
            90: (0.0, -1.0, width, 1.0, 0.0, 0.0),
            180: (-1.0, 0.0, width, 0.0, -1.0, height),
            270: (0.0, 1.0, 0.0, -1.0, 0.0, height),
        }[degrees]
        return self._next(self.image.transpose(_TURNS[degrees]), back)

    def rotated(self, degrees: float) -> Self:
        """Turned counter-clockwise by a few degrees; what was outside has the paper's colour."""
        angle = radians(degrees)
        width, height = self.image.size
        across = round(width * abs(cos(angle)) + height * abs(sin(angle)))
        down = round(width * abs(sin(angle)) + height * abs(cos(angle)))
        a, b = cos(angle), -sin(angle)
        back = (
            *(a, b, width / 2 - a * across / 2 - b * down / 2),
            *(-b, a, height / 2 + b * across / 2 - a * down / 2),
        )
        image = self.image.transform(
            (across, down),
            Image.Transform.AFFINE,
            back,
            Image.Resampling.BICUBIC,
            fillcolor=_paper(self.image),
        )
        return self._next(image, back)

    def cropped(self, box: tuple[int, int, int, int]) -> Self:
        return self._next(self.image.crop(box), (1.0, 0.0, float(box[0]), 0.0, 1.0, float(box[1])))

    def scaled(self, factor: float) -> Self:
        size = (max(1, round(self.image.width * factor)), max(1, round(self.image.height * factor)))
        image = self.image.resize(size, Image.Resampling.LANCZOS)
        return self._next(image, (1 / factor, 0.0, 0.0, 0.0, 1 / factor, 0.0))

    def softened(self, pixels: float) -> Self:
        return self.repainted(self.image.filter(ImageFilter.GaussianBlur(pixels)))

    def repainted(self, image: Image.Image) -> Self:
        """Another image with the same pixels in the same places."""
        return self._next(image, _SAME)

    def framed(self, pixels: int, colour: int) -> Self:
        """With a margin, without which letters at the edge are lost."""
        image = ImageOps.expand(self.image, border=pixels, fill=colour)
        return self._next(image, (1.0, 0.0, float(-pixels), 0.0, 1.0, float(-pixels)))

    @property
    def enlargement(self) -> float:
        """By how much it is larger than the image that all began with."""
        return 1 / hypot(self.back[0], self.back[3])

    def box_back(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        """The rectangle around a box, in pixels of the image that all began with."""
        a, b, c, d, e, f = self.back
        corners = [(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
        across = [a * x + b * y + c for x, y in corners]
        down = [d * x + e * y + f for x, y in corners]
        return min(across), min(down), max(across), max(down)

    def _next(self, image: Image.Image, back: Matrix) -> Self:
        a, b, c, d, e, f = self.back
        g, h, i, j, k, m = back
        joined = (
            *(a * g + b * j, a * h + b * k, a * i + b * m + c),
            *(d * g + e * j, d * h + e * k, d * i + e * m + f),
        )
        return type(self)(image, joined)


def straightened(page: Prepared) -> Prepared:
    """Lines of text made level, where they can be seen not to be."""
    is_line = page.image.height < LINE_PIXELS
    angle = _skew(page.image, _LINE_SKEW_DEGREES if is_line else _PAGE_SKEW_DEGREES)
    return page.rotated(angle) if abs(angle) >= _SEEN_DEGREES else page


def crispness(image: Image.Image) -> float:
    """How many pixels the edges of letters take: 1, where black and white touch; 0.3, after a scan.

    The mean step between neighbours, weighted by the step, as a share of the contrast.
    """
    found = [grey for grey, count in enumerate(image.histogram()) if count]
    contrast = found[-1] - found[0]
    weighted = steps = 0.0
    for across, down in ((1, 0), (0, 1)):
        width, height = image.width - across, image.height - down
        moved = image.crop((across, down, image.width, image.height))
        differences = ImageChops.difference(image.crop((0, 0, width, height)), moved).histogram()
        for step, count in enumerate(differences):
            if step > contrast * _EDGE_SHARE:
                weighted += step * step * count
                steps += step * count
    return weighted / (steps * contrast) if steps else 0.0


def level_of(image: Image.Image, share: float) -> int:
    """The grey that this share of the pixels is no brighter than."""
    wanted = share * image.width * image.height
    counts = accumulate(image.histogram())
    return next(grey for grey, count in enumerate(counts) if count >= wanted)


def line_of(page: Prepared) -> Prepared:
    """An image of a line or two; where letters are small, the written part of it, enlarged."""
    ink = ImageOps.autocontrast(page.image.filter(ImageFilter.GaussianBlur(1)))
    limit = _paper(ink) * _INK_SHARE
    box = ink.point(lambda value: 255 if value < limit else 0).getbbox()
    height = box[3] - box[1] if box else page.image.height
    if box is None or height >= _SMALL_LETTERS_PIXELS:
        return page
    return page.cropped(box).scaled(min(_LINE_HEIGHT_PIXELS / height, _ENLARGED_AT_MOST))


def middle_of(image: Image.Image, pixels: int) -> Image.Image:
    """A square out of its middle, of so many pixels a side at most."""
    side = min(*image.size, pixels)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _skew(image: Image.Image, limit: int) -> float:
    """By how many degrees, counter-clockwise, lines of text become level: rows differ most then."""
    factor = min(1.0, _REDUCED_PIXELS / max(image.size))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    small = ImageOps.invert(image.resize(size, Image.Resampling.BOX))
    ground = _paper(small)
    small = ImageOps.autocontrast(small.point(lambda value: max(value - ground, 0)))

    def contrast(degrees: float) -> float:
        turned = small.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
        rows = turned.resize((1, turned.height), Image.Resampling.BOX).tobytes()
        return float(sum((value * turned.width) ** 2 for value in rows))

    steps = range(-limit, limit + 1, max(1, limit // 15))
    coarse = max(steps, key=contrast)
    width = steps.step
    best = max((coarse + width * part / 6 for part in range(-6, 7)), key=contrast)
    return best if contrast(best) > contrast(0) * _SURE else 0.0


def _paper(image: Image.Image) -> int:
    """The colour that most of the image is no lighter than."""
    return int(ImageStat.Stat(image).median[0])
