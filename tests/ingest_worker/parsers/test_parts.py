from hypothesis import given
from hypothesis import strategies as st

from ingest_worker.parsers.parts import PART_CHARACTERS, Block, Section, parts

PARAGRAPH = "A paragraph of a long report, which says the same as all others. " * 20


class TestParts:
    def test_keep_short_documents_whole(self) -> None:
        [page] = parts([Section((Block("# Title", is_heading=True), Block("Text.")))])

        assert (page.number, page.label, page.text) == (1, "Title", "# Title\n\nText.")

    def test_begin_at_headings(self) -> None:
        blocks = [
            block
            for number in range(12)
            for block in (
                Block(f"# Chapter {number}", is_heading=True),
                Block(PARAGRAPH),
                Block(PARAGRAPH),
            )
        ]

        pages = parts([Section(tuple(blocks))])

        assert len(pages) > 2
        assert all(page.text.startswith("# Chapter") for page in pages)
        assert [page.label for page in pages][:2] == ["Chapter 0", "Chapter 2"]

    def test_are_called_after_the_heading_they_belong_to(self) -> None:
        blocks = (Block("# One", is_heading=True), *[Block(PARAGRAPH)] * 12)

        pages = parts([Section(blocks)])

        assert len(pages) > 1
        assert {page.label for page in pages} == {"One"}

    def test_repeat_the_head_of_a_table(self) -> None:
        head = "| name | size |\n| --- | --- |\n"
        rows = "\n".join(f"| row {number} | {number} |" for number in range(1000))

        pages = parts([Section((Block(head + rows, repeated=head),), label="Sheet 1")])

        assert len(pages) > 1
        assert all(page.text.startswith(head) for page in pages)
        assert {page.label for page in pages} == {"Sheet 1"}

    def test_begin_anew_with_each_section(self) -> None:
        pages = parts([Section((Block("One"),)), Section(()), Section((Block("Three"),))])

        assert [page.text for page in pages] == ["One", "", "Three"]

    @given(st.lists(st.text(max_size=20_000), max_size=5))
    def test_are_never_long_and_lose_no_visible_character(self, texts: list[str]) -> None:
        pages = parts([Section(tuple(Block(text) for text in texts))])

        assert all(len(page.text) <= PART_CHARACTERS for page in pages)
        assert all("\x00" not in page.text for page in pages)

    def test_lose_nothing_of_one_endless_line(self) -> None:
        pages = parts([Section((Block("x" * 20_000),))])

        assert "".join(page.text for page in pages) == "x" * 20_000
