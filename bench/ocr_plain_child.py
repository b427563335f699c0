"""What the sandbox's server imports for `ocr_speed.py`: Tesseract as it comes, nothing prepared."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import tesserocr

from ocr_worker.engines.protocol import LANGUAGES, Box, RecognisedText
from ocr_worker.engines.reading import read

if TYPE_CHECKING:
    from PIL.Image import Image

_WORD: Final = tesserocr.RIL.WORD


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
        text: str = self._api.GetUTF8Text()
        return RecognisedText(text, tuple(self._boxes(text)), self._api.MeanTextConf() / 100)

    def _boxes(self, text: str) -> Iterator[Box]:
        found = self._api.GetIterator()
        position = 0
        for item in tesserocr.iterate_level(found, _WORD) if found else ():
            word = "" if item.Empty(_WORD) else item.GetUTF8Text(_WORD).strip()
            start = text.find(word, position)
            if word and start >= 0:
                position = start + len(word)
                left, top, right, bottom = item.BoundingBox(_WORD)
                yield start, position, left, top, right, bottom


FUNCTIONS = {"recognise": partial(read, PlainEngine())}
