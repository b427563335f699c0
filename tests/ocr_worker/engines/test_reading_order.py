"""Lines of a page, put into the order in which people read them."""

from ocr_worker.engines.reading_order import Rectangle, in_reading_order

HEIGHT = 10.0


def line(left: float, top: float, width: float) -> Rectangle:
    return left, top, left + width, top + HEIGHT


class TestInReadingOrder:
    def test_reads_one_column_after_the_other_below_a_title(self) -> None:
        title = line(0, 0, 420)
        left = [line(0, 40 + 15 * number, 200) for number in range(4)]
        right = [line(220, 40 + 15 * number, 200) for number in range(4)]
        mixed = [right[1], left[3], title, right[0], left[0], left[2], right[3], left[1], right[2]]

        blocks = in_reading_order(mixed)

        read = [mixed[place] for block in blocks for row in block for place in row]
        assert read == [title, *left, *right]
        assert len(blocks) == 3

    def test_takes_a_note_in_the_margin_for_no_column(self) -> None:
        note = (-40.0, 20.0, -20.0, 70.0)
        columns = [line(left, 15 * number, 200) for left in (0, 220) for number in range(4)]

        blocks = in_reading_order([note, *columns])

        read = [place for block in blocks for row in block for place in row if place]
        assert read == list(range(1, 9))

    def test_reads_narrow_columns_by_rows(self) -> None:
        cells = [line(60.0 * column, 15.0 * row, 30) for row in range(4) for column in range(3)]

        [block] = in_reading_order(cells[::-1])

        assert [[cells[::-1][place] for place in row] for row in block] == [
            cells[start : start + 3] for start in range(0, 12, 3)
        ]

    def test_parts_what_a_gap_parts(self) -> None:
        lines = [line(0, top, 200) for top in (0, 12, 40, 52)]

        assert in_reading_order(lines) == [[[0], [1]], [[2], [3]]]

    def test_reads_a_slightly_skewed_row_from_left_to_right(self) -> None:
        lines = [line(100, 0, 80), line(0, 3, 80)]

        assert in_reading_order(lines) == [[[1, 0]]]

    def test_finds_nothing_on_an_empty_page(self) -> None:
        assert in_reading_order([]) == []
