"""The paper of a page made white: shadows and black corners taken away, writing left in black."""

from typing import Final

from PIL import Image, ImageChops, ImageFilter, ImageOps

from ocr_worker.engines.preparation import Prepared, level_of

_REDUCED: Final = 4
_STROKE_SHARE: Final = 0.03
"""Of the shorter side: what is narrower is writing, what is wider is paper or shadow."""
_UNEVEN: Final = 28
"""Levels of grey, of 255, between the darkest and the brightest paper; scanners make up to 25."""
_OUTLIERS: Final = 0.02
_STRONGEST_INK_PERCENT: Final = 2
"""So much of the image counts as quite black: a few spots must not make the rest look faded."""
_DARK_SHARE: Final = 0.6
"""Of the brightest paper: a part whose own paper is darker may hold bright writing."""
_DARK_PART: Final = 0.005
"""Of the image; smaller dark parts are spots and corners."""
_PART_PIXELS: Final = 110
"""Of the shorter side of what dark parts are looked for in."""
_PART_WINDOW: Final = 9
_BRIGHT_STROKE: Final = 60
"""Levels of grey that bright writing stands out by."""
_WRITTEN_LEVEL: Final = 6
"""Of 255: how much of the pixels around is bright strokes, where there is writing."""


def evened(page: Prepared) -> Prepared:
    """White paper, black print, wherever the page lay in the shade or is printed in white on black.

    One threshold for a whole image takes a receipt's grey letters for paper, once a corner of the
    scan is black.
    """
    image = page.image
    small = image.reduce(_REDUCED)
    stroke = max(3, int(min(image.size) * _STROKE_SHARE / _REDUCED) | 1)
    # Morphological closing: the image without dark writing.
    ground = _spread(_spread(small, stroke, ImageFilter.MaxFilter), stroke, ImageFilter.MinFilter)
    ground = ground.filter(ImageFilter.GaussianBlur(stroke))
    bright = level_of(ground, 1 - _OUTLIERS)
    if bright - level_of(ground, _OUTLIERS) < _UNEVEN:
        return page
    ink = ImageChops.subtract(ground.resize(image.size, Image.Resampling.BILINEAR), image)
    ink = ImageOps.autocontrast(ink, cutoff=(0, _STRONGEST_INK_PERCENT))
    return page.repainted(ImageOps.invert(_with_bright_ink(ink, image, small, stroke, bright)))


def _with_bright_ink(
    ink: Image.Image, image: Image.Image, small: Image.Image, stroke: int, bright: int
) -> Image.Image:
    """`ink`, and the bright writing on dark parts of `image` as ink too."""
    reduced = max(1, min(small.size) // _PART_PIXELS)
    paper = small.reduce(reduced).filter(ImageFilter.MedianFilter(_PART_WINDOW))
    dark = _above(ImageOps.invert(paper), 255 - bright * _DARK_SHARE)
    if _share(dark) < _DARK_PART:
        return ink
    # Morphological opening: the image without bright writing.
    ground = _spread(_spread(small, stroke, ImageFilter.MinFilter), stroke, ImageFilter.MaxFilter)
    strokes = _above(ImageChops.subtract(small, ground), _BRIGHT_STROKE).reduce(reduced)
    strokes = ImageChops.darker(strokes, dark).filter(ImageFilter.BoxBlur(_PART_WINDOW // 2))
    written = ImageChops.darker(_above(strokes, _WRITTEN_LEVEL - 1), dark)
    if _share(written) < _DARK_PART:
        return ink
    ground = ground.filter(ImageFilter.GaussianBlur(stroke))
    ground = ground.resize(image.size, Image.Resampling.BILINEAR)
    return Image.composite(ImageChops.subtract(image, ground), ink, written.resize(image.size))


def _spread(
    image: Image.Image, width: int, kind: type[ImageFilter.MaxFilter | ImageFilter.MinFilter]
) -> Image.Image:
    """A filter of this width, as several of three pixels: the same, in a third of the time."""
    for _ in range(width // 2):
        image = image.filter(kind(3))
    return image


def _above(image: Image.Image, limit: float) -> Image.Image:
    return image.point(lambda value: 255 if value > limit else 0)


def _share(mask: Image.Image) -> float:
    return mask.histogram()[255] / (mask.width * mask.height)
