import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.parsers.encoding import clean, decode

KOREAN = "대한민국의 수도는 서울이고, 인구는 천만 명이다. ABC 123"
FRENCH = "Où est passé le garçon naïf qui a mangé la crème brûlée à Noël ?"


class TestDecode:
    @pytest.mark.parametrize(
        "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp949", "euc-kr", "iso2022_kr"]
    )
    def test_reads_korean(self, encoding: str) -> None:
        assert decode(KOREAN.encode(encoding)) == KOREAN

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
    def test_reads_utf_16_without_a_mark(self, encoding: str) -> None:
        assert decode("Plain words".encode(encoding)) == "Plain words"

    @pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
    def test_does_not_take_french_for_korean(self, encoding: str) -> None:
        assert decode((FRENCH * 5).encode(encoding)) == FRENCH * 5

    def test_believes_what_the_file_declares(self) -> None:
        assert decode("Привет".encode("koi8-r"), declared="koi8-r") == "Привет"

    def test_survives_a_wrong_declaration(self) -> None:
        assert decode(KOREAN.encode("cp949"), declared="no-such-encoding") == KOREAN

    @given(st.binary())
    def test_reads_anything(self, data: bytes) -> None:
        assert isinstance(decode(data), str)


class TestClean:
    def test_composes_korean(self) -> None:
        assert clean("\u1112\u1161\u11ab\u1100\u1173\u11af") == "한글"

    @pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\x0c", "\u2028"])
    def test_ends_lines_alike(self, end: str) -> None:
        assert clean(f"one{end}two") == "one\ntwo"

    @given(st.text())
    def test_leaves_nothing_that_a_database_refuses(self, text: str) -> None:
        cleaned = clean(text + "\x00\ud800.")

        assert "\x00" not in cleaned
        assert cleaned.encode().endswith(b".")
