"""What the sandbox's server imports where another machine reads: pages are only drawn here."""

from ocr_worker.engines.reading import blank_picture, picture

FUNCTIONS = {"picture": picture, "blank_picture": blank_picture}
