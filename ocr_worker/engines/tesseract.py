"""Tesseract, through its library: words, their boxes, and how sure it is of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import tesserocr
from PIL import Image

from chatbot.contracts.errors import Unavailable
from ocr_worker.engines.paper import evened
from ocr_worker.engines.preparation import (
    LINE_PIXELS,
    Prepared,
    crispness,
    line_of,
    middle_of,
    straightened,
)
from ocr_worker.engines.protocol import RecognisedText

if TYPE_CHECKING:
    from ocr_worker.engines.protocol import Box

_SMOOTHING_PIXELS: Final = 0.8
"""Crisp letters are misread more often than slightly soft ones, Korean ones above all."""
_SMOOTHING_PIXELS_OF_LATIN: Final = 0.6
"""More makes one letter of two narrow ones now and then."""
_SMOOTHING_PIXELS_OF_SCANS: Final = 0.4
"""For letters that a scanner has softened already."""
_CRISP: Final = 0.4
"""See `crispness`; letters as they are drawn by a program have 0.42 and more."""
_SHORT_SIDE_PIXELS: Final = 500
"""Below this an image is a screenshot or a line, and is read at twice its size, which softens it
enough."""
_ENLARGED: Final = 2.0
_ONE_LINE_PIXELS: Final = 80
"""An image that is lower than this holds one line."""
_MARGIN_PIXELS: Final = 20
"""White around the text."""
_WHITE: Final = 255
_ORIENTATION: Final = "osd"
"""The data that know which way up letters are; without them pages are read as they lie."""
_ORIENTATION_PIXELS: Final = 300
"""Of the shorter side: below this there are too few letters to tell."""
_LATIN: Final = "Latin"
"""What the same data call the script of most letters."""
_SURE_OF_ORIENTATION: Final = 3.0
"""Below this it is as often wrong as right: letters of receipts, tables and noisy scans."""
_SAMPLE_PIXELS: Final = 1000
_SURE_OF_WORD: Final = 70
_AS_IT_LIES: Final = 1.2
_VARIABLES: Final = {
    # Korean has no space between most pairs of syllables: only real gaps become spaces.
    "preserve_interword_spaces": "1",
}


@dataclass(frozen=True, slots=True)
class _Look:
    """What is seen of an image before it is read."""

    turn: int = 0
    """By how many degrees, counter-clockwise, the image has to be turned to be upright."""
    is_latin: bool = False
    """Most of its letters are."""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    box: tuple[float, float, float, float]
    confidence: float
    """0 to 100."""
    before: str
    """What separates it from the word before: nothing, a space, one or two line ends."""


class TesseractEngine:
    """An Engine. Keeps what it has loaded: languages are read once per process.

    Args:
        folder: where `<language>.traineddata` files are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[tuple[str, ...], Any] = {}

    def recognise(
        self, image: Image.Image, *, languages: Sequence[str], dpi: int
    ) -> RecognisedText:
        """The text of an image; see `Engine`."""
        upright = evened(Prepared(image)) if image.height >= LINE_PIXELS else Prepared(image)
        look = self._look(upright.image, languages)
        if look.turn:
            upright = upright.turned(look.turn)
        prepared = _prepare(upright, is_latin=look.is_latin)
        api = self.load(languages)
        api.SetPageSegMode(_layout(upright.image))
        api.SetImage(prepared.image)
        api.SetSourceResolution(round(dpi * prepared.enlargement))
        if not api.Recognize():
            return RecognisedText("", (), None)
        return _text_of([replace(word, box=prepared.box_back(word.box)) for word in _words(api)])

    def _look(self, image: Image.Image, languages: Sequence[str]) -> _Look:
        api = self.load_orientation() if min(image.size) >= _ORIENTATION_PIXELS else None
        if api is None:
            return _Look()
        api.SetImage(image)
        found = api.DetectOrientationScript()
        api.Clear()
        if not found:
            return _Look()
        is_sure = found["orient_conf"] >= _SURE_OF_ORIENTATION
        turn = found["orient_deg"] if is_sure else self._readable_turn(image, languages)
        return _Look(turn, is_latin=found["script_name"] == _LATIN)

    def _readable_turn(self, image: Image.Image, languages: Sequence[str]) -> int:
        """By reading the middle of the image every way round; as it lies, unless one is better."""
        middle = Prepared(middle_of(image, _SAMPLE_PIXELS))
        api = self.load(languages)
        # It would turn the lines of a layout that it looks for itself.
        api.SetPageSegMode(tesserocr.PSM.SINGLE_BLOCK)

        def readable(turn: int) -> float:
            api.SetImage((middle.turned(turn) if turn else middle).image)
            words = _words(api) if api.Recognize() else ()
            sure = sum(len(word.text) for word in words if word.confidence >= _SURE_OF_WORD)
            return sure * (1 if turn else _AS_IT_LIES)

        return max((0, 90, 180, 270), key=readable)

    def load_orientation(self) -> Any:  # noqa: ANN401 - tesserocr has no types
        """What sees how a page lies; None where its data are missing: then pages are read as is."""
        key = (_ORIENTATION,)
        if key not in self._loaded:
            if not self._data(_ORIENTATION).is_file():
                return None
            self._loaded[key] = tesserocr.PyTessBaseAPI(
                path=str(self._folder),
                lang=_ORIENTATION,
                psm=tesserocr.PSM.OSD_ONLY,
                oem=tesserocr.OEM.TESSERACT_ONLY,
            )
        return self._loaded[key]

    def load(self, languages: Sequence[str]) -> Any:  # noqa: ANN401 - tesserocr has no types
        """Tesseract with the languages' data.

        Raises:
            Unavailable: `ocr-data-missing`.
        """
        key = tuple(languages)
        if key not in self._loaded:
            missing = [name for name in key if not self._data(name).is_file()]
            if missing:
                raise Unavailable(
                    f"Tesseract has no data for {', '.join(missing)} in {self._folder}.",
                    code="ocr-data-missing",
                    way_out="Point TESSDATA_PREFIX to a folder with <language>.traineddata files.",
                    retry_after_seconds=60,
                )
            api = tesserocr.PyTessBaseAPI(
                path=str(self._folder), lang="+".join(key), oem=tesserocr.OEM.LSTM_ONLY
            )
            for name, value in _VARIABLES.items():
                api.SetVariable(name, value)
            self._loaded[key] = api
        return self._loaded[key]

    def _data(self, language: str) -> Path:
        return self._folder / f"{language}.traineddata"


def _prepare(page: Prepared, *, is_latin: bool) -> Prepared:
    """The page as Tesseract reads it best."""
    level = straightened(page)
    smoothing = _SMOOTHING_PIXELS_OF_LATIN if is_latin else _SMOOTHING_PIXELS
    if page.image.height < LINE_PIXELS:
        level = line_of(level)
    elif min(page.image.size) < _SHORT_SIDE_PIXELS:
        return level.scaled(_ENLARGED).framed(_MARGIN_PIXELS, _WHITE)
    elif crispness(page.image) < _CRISP:
        smoothing = _SMOOTHING_PIXELS_OF_SCANS
    return level.softened(smoothing).framed(_MARGIN_PIXELS, _WHITE)


def _layout(image: Image.Image) -> Any:  # noqa: ANN401 - tesserocr has no types
    if image.height < _ONE_LINE_PIXELS:
        return tesserocr.PSM.SINGLE_LINE
    return tesserocr.PSM.SINGLE_BLOCK if image.height < LINE_PIXELS else tesserocr.PSM.AUTO


def _words(api: Any) -> Iterator[_Word]:  # noqa: ANN401 - tesserocr has no types
    """Words in reading order.

    The text as a whole isn't asked for: the library takes as long to put it together as this takes.
    """
    level = tesserocr.RIL.WORD
    found = api.GetIterator()
    gap = ""
    for item in tesserocr.iterate_level(found, level) if found else ():
        gap = max(gap, _gap_before(item), key=len)
        if item.Empty(level):
            continue
        text = item.GetUTF8Text(level).strip()
        box = item.BoundingBox(level)
        if text and box:
            yield _Word(text, box, item.Confidence(level), gap)
            gap = ""


def _gap_before(item: Any) -> str:  # noqa: ANN401 - tesserocr has no types
    if item.IsAtBeginningOf(tesserocr.RIL.PARA):
        return "\n\n"
    if item.IsAtBeginningOf(tesserocr.RIL.TEXTLINE):
        return "\n"
    return " " if item.BlanksBeforeWord() else ""


def _text_of(words: Sequence[_Word]) -> RecognisedText:
    """Words that touch each other count as one and share a box."""
    text = ""
    boxes: list[Box] = []
    for word in words:
        start = len(text) + len(word.before) if text else 0
        text += (word.before if text else "") + word.text
        if boxes and not word.before:
            first, _, x0, y0, x1, y1 = boxes.pop()
            left, top, right, bottom = word.box
            box = (min(x0, left), min(y0, top), max(x1, right), max(y1, bottom))
            boxes.append((first, len(text), *box))
        else:
            boxes.append((start, len(text), *word.box))
    mean = sum(word.confidence for word in words) / len(words) / 100 if words else None
    return RecognisedText(text, tuple(boxes), mean)
