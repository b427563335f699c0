"""What the sandbox's server imports for `ocr_speed.py`: Tesseract as it comes, nothing prepared."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import tesserocr

from ocr_worker.engines.protocol import LANGUAGES, RecognisedText
from ocr_worker.engines.reading import read

if TYPE_CHECKING:
    from PIL.Image import Image

_WORD: Final = tesserocr.RIL.WORD
_LINE: Final = tesserocr.RIL.TEXTLINE
_PARAGRAPH: Final = tesserocr.RIL.PARA


class PlainEngine:
    """An Engine: layout AUTO, the same data and languages; words and boxes as the usual one."""

    def __init__(self) -> None:
        folder, _ = tesserocr.get_languages()
        self._api = tesserocr.PyTessBaseAPI(
            path=folder,
            lang="+".join(LANGUAGES),
            psm=tesserocr.PSM.AUTO,
            oem=tesserocr.OEM.LSTM_ONLY,
        )

    def recognise(self, image: "Image", *, languages: Sequence[str], dpi: int) -> RecognisedText:
        """The text of an image; the languages are those that are loaded."""
        assert tuple(languages) == LANGUAGES
        self._api.SetImage(image)
        self._api.SetSourceResolution(dpi)
        if not self._api.Recognize():
            return RecognisedText("", (), None)
        text, boxes = "", []
        for before, word, box in self._words():
            text += before if text else ""
            boxes.append((len(text), len(text) + len(word), *box))
            text += word
        return RecognisedText(text, tuple(boxes), self._api.MeanTextConf() / 100)

    def _words(self) -> Iterator[tuple[str, str, tuple[int, int, int, int]]]:
        """What stands before a word, the word, and where."""
        found = self._api.GetIterator()
        for item in tesserocr.iterate_level(found, _WORD) if found else ():
            before = "\n" if item.IsAtBeginningOf(_LINE) else " "
            if item.IsAtBeginningOf(_PARAGRAPH):
                before = "\n\n"
            if not item.Empty(_WORD):
                yield before, item.GetUTF8Text(_WORD), item.BoundingBox(_WORD)


FUNCTIONS = {"recognise": partial(read, PlainEngine())}
