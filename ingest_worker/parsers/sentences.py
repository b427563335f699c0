"""Stands in for `unstructured.nlp.tokenize`.

That module wants spaCy and fetches a model when it is first used. Partitioners only ask it whether
a line is a sentence or a title, which these rules answer well enough in English and Korean.
`replace_tokenizer` must run before the first partitioner is imported.
"""

import re
import sys
from types import ModuleType
from typing import Final

_NAME: Final = "unstructured.nlp.tokenize"
_SENTENCE_END: Final = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])[\"')\]\u201d\u2019]*\s+")
_WORD: Final = re.compile(r"\w+|[^\w\s]")


def sent_tokenize(text: str) -> list[str]:
    """Sentences, by their end marks."""
    return _SENTENCE_END.split(text)


def word_tokenize(text: str) -> list[str]:
    """Words and punctuation marks."""
    return _WORD.findall(text)


def pos_tag(text: str) -> list[tuple[str, str]]:
    """Every word with the tag of a verb: without a model, any of them may be one."""
    return [(word, "VB") for word in word_tokenize(text)]


def replace_tokenizer() -> None:
    """Puts this module where partitioners look for theirs."""
    module = ModuleType(_NAME, __doc__)
    for function in (sent_tokenize, word_tokenize, pos_tag):
        setattr(module, function.__name__, function)
    sys.modules.setdefault(_NAME, module)
