"""Embeddings without a model: hashed words, so that texts with common words are near.

Latin words count by their beginning (`refund`, `refunds`), others by pairs of characters: a Korean
noun stays near itself whatever particle follows it.
"""

import math
import re
import zlib
from array import array
from collections.abc import Iterator
from itertools import pairwise

DIMENSIONS = 384
_WORD = re.compile(r"\w+")
_STEM_CHARACTERS = 6


def embedding(text: str, dimensions: int = DIMENSIONS) -> "array[float]":
    """A vector of unit length in single precision; the same on every machine."""
    vector = [0.0] * dimensions
    for feature in _features(text.lower()):
        number = zlib.crc32(feature.encode())
        vector[number % dimensions] += 1.0 if number >> 31 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0.0:
        vector[0] = length = 1.0
    return array("f", (value / length for value in vector))


def _features(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        if word.isascii() or len(word) == 1:
            yield word[:_STEM_CHARACTERS]
        else:
            yield from map("".join, pairwise(word))
