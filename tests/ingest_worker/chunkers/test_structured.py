from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.chunkers.recursive import CHUNK_SIZE, OVERLAP_SIZE
from ingest_worker.chunkers.structured import StructuredChunker

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
        "\n## ",
        "\n| a | b |\n|---|---|\n",
        "| 1 | 2 |\n",
        "\n```\n",
        "\n- ",
        "。",
    ]
)

CHUNKER = StructuredChunker()


class TestStructuredChunker:
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

    @pytest.mark.parametrize(
        ("line", "title"),
        [
            ("# One #", "One"),
            ("# One ###  ", "One"),
            ("# C#", "C#"),
            ("# ##", "##"),
            ("# One # two", "One # two"),
        ],
    )
    def test_leaves_the_signs_behind_a_heading_out(self, line: str, title: str) -> None:
        spans = CHUNKER.split(f"{line}\n{ENGLISH * 60}")

        assert {span.headings for span in spans} <= {(), (title,)}
        assert spans[-1].headings == (title,)

    def test_tells_the_headings_that_a_passage_stands_under(self) -> None:
        text = f"# One\n\n{ENGLISH * 12}\n## Two\n\n{ENGLISH * 24}\n# Three\n\n{ENGLISH * 24}"

        spans = CHUNKER.split(text)

        passages = {text[span.start : span.end][:12]: span.headings for span in spans}
        assert passages["## Two\n\nSeou"] == ("One",)
        assert passages["# Three\n\nSeo"] == ()
        assert {span.headings for span in spans} == {(), ("One",), ("One", "Two"), ("Three",)}

    def test_knows_the_chapter_that_began_on_an_earlier_page(self) -> None:
        lines = ["# One", "```", "# no heading", "```", "## Two", "# Three", "## Four"]

        spans = CHUNKER.split(KOREAN, lines)

        assert [span.headings for span in spans] == [("Three", "Four")]

    def test_keeps_a_table_whole_that_fits(self) -> None:
        table = "| a | b |\n|---|---|\n" + "| 서울 | word |\n" * 30
        text = ENGLISH * 6 + "\n\n" + table + "\n" + ENGLISH * 6

        passages = [text[span.start : span.end] for span in CHUNKER.split(text)]

        assert sum("| 서울 |" in passage for passage in passages) == 1

    def test_cuts_a_long_table_between_rows_and_tells_its_head(self) -> None:
        head = "| name | value |\n|---|---|"
        rows = [f"| row {number} | 값 {number} |" for number in range(200)]
        text = "\n".join([head, *rows])

        first, *others = CHUNKER.split(text)

        assert first.table_head == ""
        assert {span.table_head for span in others} == {head}
        assert all(text[span.start] == text[span.end - 1] == "|" for span in others)
        assert [
            row for span in (first, *others) for row in text[span.start : span.end].split("\n")
        ] == [*head.split("\n"), *rows]

    @pytest.mark.parametrize(
        "block",
        ["```\nx = 1\n\ny = 2\n" * 1 + "# no heading\n" * 30 + "```", "- a short item\n" * 40],
        ids=["code", "list"],
    )
    def test_keeps_code_and_lists_together_where_they_fit(self, block: str) -> None:
        text = f"{ENGLISH * 7}\n\n{block}\n\n{ENGLISH * 7}"

        passages = [text[span.start : span.end] for span in CHUNKER.split(text)]

        assert sum(block.strip() in passage for passage in passages) == 1

    def test_cuts_after_korean_sentences_without_a_space(self) -> None:
        text = "서울은대한민국의수도이다." * 200

        passages = [text[span.start : span.end] for span in CHUNKER.split(text)]

        assert {passage[-2:] for passage in passages} == {"다."}
