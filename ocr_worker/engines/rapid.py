"""RapidOCR: neural networks that find lines of text, and read them. An optional package."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from chatbot.contracts.errors import Unavailable
from ocr_worker.engines.protocol import RecognisedText
from ocr_worker.engines.reading_order import Rectangle, in_reading_order

if TYPE_CHECKING:
    from ocr_worker.engines.protocol import Box

_WORD: Final = re.compile(r"\S+")
_SMALL_PAGE: Final = (64, 64)
_WHITE: Final = 255
_LONGER_AT_MOST: Final = 8
"""It enlarges images until their shorter side has 736 pixels: a strip would take all memory."""
_PARAMETERS: Final[dict[str, object]] = {
    "Global.log_level": "critical",  # it logs what it finds odd; nothing of a document is logged
    "Global.return_word_box": True,
    # It looks at each line whether it lies on its head, and turns long ones that don't.
    "Global.use_cls": False,
    # Lines that are read together are all made as long as the longest.
    "Rec.rec_batch_num": 1,
    # One page gets one core; and without threads it can be loaded before children are forked.
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    box: Rectangle
    words: tuple[tuple[int, int, Rectangle], ...]
    """Characters of the text, and where they stand."""
    confidence: float


class RapidEngine:
    """An Engine. What it reads is decided by its model, whatever languages are asked for.

    Args:
        model: a recognition model (ONNX, with its characters in it); None: the package's own.
    """

    def __init__(self, model: Path | None = None) -> None:
        self._model = model
        self._loaded: Any = None

    def recognise(
        self,
        image: Image.Image,
        *,
        languages: Sequence[str],  # noqa: ARG002 - see above
        dpi: int,  # noqa: ARG002 - it looks at pixels
    ) -> RecognisedText:
        """The text of an image; see `Engine`."""
        found = self.load()(_no_strip(image), use_det=True)
        if found.boxes is None or not found.txts:
            return RecognisedText("", (), None)
        pieces = found.word_results or ((),) * len(found.txts)
        lines = [
            _line(text, _upright(corners), words, float(score))
            for text, corners, words, score in zip(
                found.txts, found.boxes, pieces, found.scores, strict=True
            )
        ]
        return _text_of(lines)

    def load(self) -> Any:  # noqa: ANN401 - RapidOCR's own class, which may be absent
        """RapidOCR with its models, which are read at the first call.

        Raises:
            Unavailable: `ocr-engine-missing`, `ocr-data-missing`.
        """
        if self._loaded is None:
            self._loaded = self._made()
            page = Image.new("L", _SMALL_PAGE, _WHITE)
            # Each step reads its model when it is first needed; an empty page needs only one.
            self._loaded(page, use_det=True)
            self._loaded(page, use_det=False)
        return self._loaded

    def _made(self) -> Any:  # noqa: ANN401 - as above
        try:
            import cv2  # noqa: PLC0415 - an optional package
            from rapidocr import RapidOCR  # noqa: PLC0415 - likewise
        except ImportError as error:
            raise Unavailable(
                "RapidOCR is not installed at this worker.",
                code="ocr-engine-missing",
                way_out="Install requirements/ocr_rapid.txt where this worker runs.",
                retry_after_seconds=60,
            ) from error
        cv2.setNumThreads(1)
        if self._model is None:
            return RapidOCR(params=dict(_PARAMETERS))
        if not self._model.is_file():
            raise Unavailable(
                "The model of RapidOCR is not where RAPIDOCR_MODEL says.",
                code="ocr-data-missing",
                way_out="Point RAPIDOCR_MODEL to a recognition model in ONNX.",
                retry_after_seconds=60,
            )
        return RapidOCR(params={**_PARAMETERS, "Rec.model_path": str(self._model)})


def _no_strip(image: Image.Image) -> Image.Image:
    """With white beside or below it, if it is too narrow or too low."""
    width, height = image.size
    size = max(width, height // _LONGER_AT_MOST), max(height, width // _LONGER_AT_MOST)
    if size == image.size:
        return image
    padded = Image.new(image.mode, size, _WHITE)
    padded.paste(image)
    return padded


def _line(
    text: str, box: Rectangle, pieces: Sequence[tuple[str, float, Any]], confidence: float
) -> _Line:
    """The line with a box for each word, put together of pieces where words have several."""
    placed = list(_placed(text, pieces))
    words = []
    for word in _WORD.finditer(text):
        start, end = word.span()
        inside = [there for first, last, there in placed if first < end and last > start]
        words.append((start, end, _around(inside) if inside else _share(box, text, start, end)))
    return _Line(text, box, tuple(words), confidence)


def _placed(
    text: str, pieces: Sequence[tuple[str, float, Any]]
) -> Iterator[tuple[int, int, Rectangle]]:
    """Where in the text the pieces begin and end; those that aren't in it are left out."""
    position = 0
    for piece, _, corners in pieces:
        start = text.find(piece, position) if piece else -1
        if start >= 0 and corners is not None:
            position = start + len(piece)
            yield start, position, _upright(corners)


def _share(box: Rectangle, text: str, start: int, end: int) -> Rectangle:
    """Where characters stand, if all are equally wide."""
    left, top, right, bottom = box
    width = (right - left) / len(text)
    return left + width * start, top, left + width * end, bottom


def _upright(corners: Any) -> Rectangle:  # noqa: ANN401 - an array, or lists
    across = [float(x) for x, _ in corners]
    down = [float(y) for _, y in corners]
    return min(across), min(down), max(across), max(down)


def _around(boxes: Sequence[Rectangle]) -> Rectangle:
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _text_of(lines: Sequence[_Line]) -> RecognisedText:
    text = ""
    boxes: list[Box] = []
    for block in in_reading_order([line.box for line in lines]):
        for row_number, row in enumerate(block):
            for number, place in enumerate(row):
                line = lines[place]
                before = " " if number else "\n" if row_number else "\n\n"
                text += before if text else ""
                boxes += [(len(text) + a, len(text) + b, *there) for a, b, there in line.words]
                text += line.text
    mean = sum(line.confidence for line in lines) / len(lines)
    return RecognisedText(text, tuple(boxes), mean)
