from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.chunkers.recursive import CHUNK_SIZE, OVERLAP_SIZE, RecursiveChunker

KOREAN = "대한민국의 수도는 서울이다. 서울은 한강을 끼고 있어요. 인구는 약 천만 명입니다! "
ENGLISH = "Seoul is the capital of Korea. It lies on the Han. About ten million people live there! "
WORDS = st.sampled_from(
    [
        "서울",
        "한강",
        "은",
        "이다.",
        "했어요.",
        "word",
        "a",
        "|",
        "\n",
        "\n\n",
        " ",
        "\t",
        "# ",
        "。",
    ]
)

CHUNKER = RecursiveChunker()


class TestRecursiveChunker:
    @given(st.one_of(st.text(), st.lists(WORDS, max_size=2000).map("".join)))
    def test_covers_every_visible_character_in_order(self, text: str) -> None:
        spans = CHUNKER.split(text)

        covered = {place for span in spans for place in range(span.start, span.end)}
        visible = {place for place, character in enumerate(text) if not character.isspace()}
        assert visible <= covered
        assert [span.start for span in spans] == sorted(span.start for span in spans)
        assert [span.end for span in spans] == sorted(span.end for span in spans)

    @given(st.lists(WORDS, max_size=2000).map("".join))
    def test_gives_passages_without_white_space_around(self, text: str) -> None:
        passages = [text[span.start : span.end] for span in CHUNKER.split(text)]

        assert all(passages)
        assert passages == [passage.strip() for passage in passages]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(ENGLISH * 60, id="english"),
            pytest.param(KOREAN * 60, id="korean"),
            pytest.param("하" * 5000, id="one-long-word"),
            pytest.param("the same line\n" * 400, id="repeated-lines"),
        ],
    )
    def test_keeps_passages_short_and_their_overlap_shorter(self, text: str) -> None:
        spans = CHUNKER.split(text)

        assert all(span.end - span.start <= CHUNK_SIZE + OVERLAP_SIZE for span in spans)
        assert all(after.start >= before.end - OVERLAP_SIZE for before, after in pairwise(spans))
        assert len(spans) <= 2 + 3 * len(text) // CHUNK_SIZE

    def test_makes_korean_passages_half_as_long_as_english_ones(self) -> None:
        korean = CHUNKER.split(KOREAN * 60)
        english = CHUNKER.split(ENGLISH * 60)

        assert korean[0].end < 0.75 * english[0].end

    @pytest.mark.parametrize("sentences", [KOREAN, ENGLISH], ids=["korean", "english"])
    def test_cuts_after_sentences(self, sentences: str) -> None:
        text = sentences * 60

        passages = [text[span.start : span.end] for span in CHUNKER.split(text)]

        assert {passage[-1] for passage in passages} <= {".", "!"}

    def test_begins_a_passage_with_a_heading(self) -> None:
        section = "# 제목\n\n" + KOREAN * 12 + "\n"
        text = section + "## Second heading\n\n" + ENGLISH * 8

        passages = [text[span.start : span.end] for span in CHUNKER.split(text)]

        assert any("## Second heading" in passage[: OVERLAP_SIZE + 20] for passage in passages)
        assert not any(passage.endswith("## Second heading") for passage in passages)

    def test_repeats_the_end_of_a_passage_in_the_next_one(self) -> None:
        text = ENGLISH * 60

        first, second, *_ = CHUNKER.split(text)

        assert second.start < first.end

    @pytest.mark.parametrize("text", ["", " \n\t "], ids=["empty", "blank"])
    def test_finds_nothing_in_nothing(self, text: str) -> None:
        assert CHUNKER.split(text) == []
