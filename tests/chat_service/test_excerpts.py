"""The part of a passage that a small prompt has room for."""

from hypothesis import given
from hypothesis import strategies as st

from chat_service.excerpts import excerpt
from chat_service.token_estimate import estimate_tokens
from chatbot.retrieval.lexemes import lexemes

FILLER = "Nothing of interest is told here. " * 20
SENTENCE = "The brainstem keeps the body breathing."
TEXT = st.text(
    alphabet=st.one_of(st.sampled_from("abc. \n"), st.characters(codec="utf-8")), max_size=400
)


def part(text: str, question: str, *, tokens: int = 40) -> str:
    start, end = excerpt(text, asked=frozenset(lexemes(question)), tokens=tokens)
    return text[start:end]


class TestExcerpt:
    def test_is_all_of_what_has_room(self) -> None:
        assert part(SENTENCE, "Why?") == SENTENCE

    def test_begins_with_the_sentence_that_was_asked_about(self) -> None:
        found = part(FILLER + SENTENCE + " Always. " + FILLER, "What keeps the body breathing?")

        assert found.startswith(SENTENCE + " Always.")

    def test_uses_its_room_before_the_end_of_the_text(self) -> None:
        found = part(FILLER + SENTENCE, "What keeps the body breathing?")

        assert found.endswith(SENTENCE)
        assert len(found) > 2 * len(SENTENCE)

    def test_has_most_of_the_words_that_were_asked_for(self) -> None:
        text = "A body is a body. " + FILLER + SENTENCE + " " + FILLER

        assert part(text, "Which body keeps breathing?").startswith(SENTENCE)

    def test_is_the_beginning_when_no_word_is_found(self) -> None:
        assert part(FILLER, "Xylophones?").startswith("Nothing of interest")

    def test_stands_around_a_hit_in_a_sentence_without_an_end(self) -> None:
        found = part("word " * 200 + "brainstem " + "word " * 200, "The brainstem?")

        assert found.split().index("brainstem") == 6

    def test_finds_korean(self) -> None:
        text = "다른 이야기가 여기에 있습니다. " * 20 + "뇌간은 숨을 쉬게 합니다."

        assert part(text, "무엇이 숨을 쉬게 하나요?", tokens=30).endswith(
            "뇌간은 숨을 쉬게 합니다."
        )

    @given(text=TEXT, question=TEXT, tokens=st.integers(min_value=-5, max_value=200))
    def test_never_has_more_tokens_than_allowed(
        self, text: str, question: str, tokens: int
    ) -> None:
        start, end = excerpt(text, asked=frozenset(lexemes(question)), tokens=tokens)

        assert 0 <= start <= end <= len(text)
        assert start == end or estimate_tokens(text[start:end]) <= tokens
