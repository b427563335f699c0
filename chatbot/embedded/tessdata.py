"""Where Tesseract's trained data is: named, the machine's, or what was installed at set-up."""

import sys
from pathlib import Path

LANGUAGES = ("eng", "kor", "osd")
"""The last one is of no language: it knows which way up letters are."""
INSTALLED = Path(sys.prefix) / "share" / "tessdata"
_OF_THE_MACHINE = Path("/usr/share/tesseract-ocr/5/tessdata")


def folder(named: str = "") -> str:
    """The folder for TESSDATA_PREFIX: what is named goes before, then the machine's, then ours."""
    if named:
        return named
    return str(_OF_THE_MACHINE if is_complete(_OF_THE_MACHINE) else INSTALLED)


def is_complete(path: Path) -> bool:
    """Whether it has every language that is read."""
    return all((path / f"{language}.traineddata").exists() for language in LANGUAGES)
