"""In which language somebody writes."""

import re
from typing import Final

_HANGUL: Final = re.compile(r"[\uac00-\ud7a3]")


def is_korean(text: str) -> bool:
    """Whether there is a Korean syllable in it."""
    return _HANGUL.search(text) is not None
