"""`celery -A ocr_speed_worker worker`: the OCR worker itself, with a reader that the bench names.

OCR_SPEED_READER   the module that the sandbox's server imports
OCR_SPEED_TOLD     a file to which the sandbox says what each call took
"""

import logging
import os

from chatbot.contracts.ocr import TESSERACT
from chatbot.sandbox import client
from ocr_worker.app import app
from ocr_worker.sandbox import _CHILDREN

__all__ = ["app"]

_CHILDREN[TESSERACT] = os.environ["OCR_SPEED_READER"]
client.logger.setLevel(logging.DEBUG)
client.logger.addHandler(logging.FileHandler(os.environ["OCR_SPEED_TOLD"]))
