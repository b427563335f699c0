import pytest

from ingest_worker.parsers.hwp_numbers import Numbers, number_shape, number_shapes


class TestNumbers:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            pytest.param("DIGIT", "4", id="digits"),
            pytest.param("CIRCLED_DIGIT", "\u2463", id="circled"),
            pytest.param("ROMAN_CAPITAL", "IV", id="roman"),
            pytest.param("ROMAN_SMALL", "iv", id="small-roman"),
            pytest.param("LATIN_SMALL", "d", id="latin"),
            pytest.param("HANGUL_SYLLABLE", "라", id="syllables"),
            pytest.param("HANGUL_JAMO", "ㄹ", id="jamo"),
            pytest.param("SOMETHING_NEW", "4", id="unknown"),
        ],
    )
    def test_are_written_as_the_file_says(self, kind: str, expected: str) -> None:
        numbers = Numbers({1: [number_shape("(^1)", kind, 4)]})

        assert numbers.following(1, 0) == f"({expected})"

    def test_go_on_in_digits_where_signs_end(self) -> None:
        numbers = Numbers({1: [number_shape("^1.", "HANGUL_SYLLABLE", 14)]})

        assert [numbers.following(1, 0) for _ in range(2)] == ["하.", "15."]

    def test_are_none_where_nothing_describes_them(self) -> None:
        numbers = Numbers({1: number_shapes(b"\x01\x02\x03")})

        assert [numbers.following(1, 0), numbers.following(2, 5)] == ["", ""]
