"""What the sandbox's server of Tesseract imports: functions that take and give JSON."""

import contextlib
from functools import partial
from typing import Final

from chatbot.contracts.errors import Unavailable
from ocr_worker.engines.protocol import LANGUAGES
from ocr_worker.engines.reading import read
from ocr_worker.engines.registry import default_engine
from ocr_worker.engines.tesseract import TesseractEngine

_ENGINE: Final = default_engine()

if isinstance(_ENGINE, TesseractEngine):
    # Every child inherits what is loaded before it is forked. If the data are missing, the first
    # call says so.
    with contextlib.suppress(Unavailable):
        _ENGINE.load(LANGUAGES)
        _ENGINE.load_orientation()

FUNCTIONS = {"recognise": partial(read, _ENGINE)}
