"""Passages that are too long for the model are cut, and stay where they stand."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.retrieval.services import PageChunk
from ingest_worker.fitting import fitted, halved

SENTENCES = "One sentence stands here. And another one there.\n\nA paragraph of its own follows. "


def by_characters(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


def nobody_counts(_: Sequence[str]) -> None:
    return None


def passage(text: str, *, start: int = 0, **fields: object) -> PageChunk:
    return PageChunk(1, start, start + len(text), text, **fields)  # type: ignore[arg-type]


class TestFitted:
    def test_leaves_alone_what_is_short_without_asking_anybody(self) -> None:
        asked: list[str] = []
        chunks = [passage("A short one.")]

        def count(texts: Sequence[str]) -> list[int]:
            asked.extend(texts)
            return by_characters(texts)

        assert fitted(chunks, max_tokens=512, count=count) == chunks
        assert asked == []

    def test_leaves_alone_what_the_server_counts_as_short_enough(self) -> None:
        chunks = [passage(SENTENCES * 20)]

        assert fitted(chunks, max_tokens=100, count=lambda texts: [100] * len(texts)) == chunks

    def test_has_those_near_the_limit_counted_together(self) -> None:
        asked: list[int] = []

        def count(texts: Sequence[str]) -> list[int]:
            asked.append(len(texts))
            return [1] * len(texts)

        fitted([passage(f"{n} {SENTENCES * 9}") for n in range(4)], max_tokens=99, count=count)

        assert asked == [4]

    def test_cuts_by_the_estimate_where_nobody_counts(self) -> None:
        chunks = fitted([passage("7" * 900)], max_tokens=512, count=nobody_counts)

        assert [len(chunk.text) for chunk in chunks] == [450, 450]

    def test_cuts_between_paragraphs_rather_than_in_mid_sentence(self) -> None:
        first, second = halved(passage(SENTENCES))

        assert first.text.endswith("there.")
        assert second.text.startswith("A paragraph")

    def test_gives_up_headings_before_the_text_where_they_are_most_of_it(self) -> None:
        chunk = passage("Few words.", headings=("1" * 120, "2" * 120), table_head="|a|\n|-|")

        chunks = fitted([chunk], max_tokens=140, count=by_characters)

        assert [one.text for one in chunks] == ["Few words."]
        assert (chunks[0].headings, chunks[0].table_head) == (("2" * 120,), "")

    def test_counts_headings_with_their_passage(self) -> None:
        chunk = passage(("123 " * 90).strip(), headings=("7777777",) * 3)

        chunks = fitted([chunk], max_tokens=290, count=by_characters)

        assert len(chunks) == 2
        assert all(len(one.embedded) <= 290 and one.headings for one in chunks)

    @pytest.mark.parametrize("count", [by_characters, nobody_counts])
    @given(
        text=st.text(alphabet="ab1. \n가漢\U0001f600", max_size=400).map(str.strip),
        start=st.integers(0, 1000),
    )
    def test_keeps_every_character_at_its_place(
        self,
        text: str,
        start: int,
        count: object,
    ) -> None:
        page = " " * start + text
        chunks = [passage(text, start=start)] if text else []

        parts = fitted(chunks, max_tokens=40, count=count)  # type: ignore[arg-type]

        assert all(part.text == page[part.start : part.end] for part in parts)
        assert "".join("".join(part.text.split()) for part in parts) == "".join(text.split())
        assert all(len(part.text) <= 100 for part in parts)
