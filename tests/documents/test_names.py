import unicodedata

import pytest

from chatbot.documents.services.names import NAME_CHARACTERS, display_name, title_of_url
from chatbot.outbound.urls import read_url


class TestDisplayName:
    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("보고서.pdf", "보고서.pdf"),
            (unicodedata.normalize("NFD", "보고서.pdf"), "보고서.pdf"),
            ("a/b\\c.pdf", "c.pdf"),
            ("two\r\nlines\t.pdf", "two lines .pdf"),
            ("a\u202efdp.exe", "a fdp.exe"),
            ("a\u200bb.pdf", "a b.pdf"),
            ("👩\u200d🔬.pdf", "👩\u200d🔬.pdf"),
            ("a\x00b", "a b"),
            ("", ""),
        ],
        ids=[
            "composed",
            "in pieces",
            "path",
            "lines",
            "turned",
            "hidden",
            "joined",
            "NUL",
            "empty",
        ],
    )
    def test_is_what_people_may_see(self, name: str, shown: str) -> None:
        assert display_name(name) == shown

    @pytest.mark.parametrize(
        ("name", "end"),
        [("가" * 300 + ".pdf", "가.pdf"), ("x" * 300, "xx")],
        ids=["ending", "none"],
    )
    def test_has_a_length_that_keeps_the_ending(self, name: str, end: str) -> None:
        shown = display_name(name)

        assert len(shown) == NAME_CHARACTERS
        assert shown.endswith(end)


class TestTitleOfUrl:
    @pytest.mark.parametrize(
        ("url", "title"),
        [
            ("https://a.example/%EB%B3%B4%EA%B3%A0%EC%84%9C.pdf?secret=1", "보고서.pdf"),
            ("https://a.example/x/", "x"),
            ("https://a.example/?secret=1", "a.example"),
            ("https://a.example/a%2Fb%0A%E2%80%AEc.pdf", "b c.pdf"),
        ],
        ids=["name", "folder", "host", "hostile"],
    )
    def test_shows_the_name_and_no_query(self, url: str, title: str) -> None:
        assert title_of_url(read_url(url)) == title
