import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.retrieval.lexemes import LEXEME_CHARACTERS, lexemes


class TestLexemes:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("The connected Connections", ["connect", "connect"], id="english-stems"),
            pytest.param("대한민국의", ["대한", "한민", "민국", "국의"], id="korean-pairs"),
            pytest.param("제1조", ["제", "1", "조"], id="single-korean-character"),
            pytest.param("東京都", ["東京", "京都"], id="chinese-characters"),
            pytest.param(
                "\uff27\uff30\uff34\uff14o 모델", ["gpt4o", "모델"], id="full-width-letters"
            ),
            pytest.param("₩1,234,567 또는 3.5%", ["1234567", "또는", "3.5"], id="numbers"),
            pytest.param("café Ünïcode", ["cafe", "unicod"], id="accents"),
            pytest.param("snake_case", ["snake", "case"], id="underscore"),
            pytest.param("it's what the is", [], id="stop-words"),
            pytest.param("?! 'quoted' \\ & |", ["quot"], id="punctuation"),
            pytest.param("", [], id="nothing"),
        ],
    )
    def test_finds(self, text: str, expected: list[str]) -> None:
        assert lexemes(text) == expected

    def test_finds_a_korean_word_across_a_line_end(self) -> None:
        assert "사람" in lexemes("이것은 사\n람이 쓴 글")

    def test_keeps_korean_paragraphs_apart(self) -> None:
        assert "글사" not in lexemes("끝난 글\n\n사람이 쓴 글")

    def test_composes_decomposed_korean(self) -> None:
        decomposed = "\u1112\u1161\u11ab\u1100\u1173\u11af"

        assert lexemes(decomposed) == lexemes("한글") == ["한글"]

    def test_cuts_long_words(self) -> None:
        assert [len(lexeme) for lexeme in lexemes("x" * 5000)] == [LEXEME_CHARACTERS]

    @given(st.text())
    def test_never_gives_what_a_query_would_have_to_escape(self, text: str) -> None:
        found = lexemes(text)

        assert all(found)
        assert not any(character in lexeme for lexeme in found for character in "'\\:*&|!() \x00")
