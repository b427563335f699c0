"""What a page shows is read, what it hides isn't."""

import pytest

from ingest_worker.parsers.html_blocks import html_blocks


def text_of(markup: str) -> str:
    return "\n".join(block.text for block in html_blocks(markup))


class TestHtmlBlocks:
    def test_keep_headings_lists_and_line_breaks(self) -> None:
        markup = (
            "<h2>One <b>two</b></h2><p>first<br>second</p>"
            "<ol start=4><li>four<ul><li>within</ul><li>five</ol>"
        )

        assert text_of(markup) == "## One two\nfirst\nsecond\n4. four\n  - within\n5. five"

    def test_read_text_that_stands_in_no_paragraph(self) -> None:
        markup = "<body>loose<div>in a block</div>after<dl><dt>term<dd>meaning</dl></body>"

        assert text_of(markup) == "loose\nin a block\nafter\nterm\nmeaning"

    def test_repeat_short_cells_wherever_they_reach(self) -> None:
        markup = (
            "<table><tr><th colspan=2>Both</th></tr><tr><td rowspan=2>a</td><td>b</td></tr>"
            "<tr><td>c</td></tr></table>"
        )

        assert text_of(markup) == "| Both | Both |\n| --- | --- |\n| a | b |\n| a | c |"

    def test_say_what_tables_within_tables_say(self) -> None:
        inner = "<table><tr><th>x</th><th>y</th></tr><tr><td>1</td><td>2</td></tr></table>"

        found = text_of(f"<table><tr><th>a</th><td>{inner}</td></tr></table>")

        assert found.startswith("| a | x y 1 2 |")

    def test_show_pictures_and_boxes_by_their_words(self) -> None:
        markup = "<img alt='A map'><input type=checkbox checked> done <input value=typed>"

        assert text_of(markup) == "A map [x] done typed"

    def test_survive_elements_nested_very_deeply(self) -> None:
        found = text_of("<div>" * 3000 + "deep" + "</div>" * 3000)

        assert found in {"deep", ""}

    @pytest.mark.parametrize(
        "hidden",
        [
            "<p style='display:none'>SECRET</p>",
            "<p style='DISPLAY : none !important'>SECRET</p>",
            "<p style='visibility:hidden'>SECRET</p>",
            "<p hidden>SECRET</p>",
            "<p aria-hidden=true>SECRET</p>",
            "<p style='font-size:0'>SECRET</p>",
            "<p style='font-size:0.0px'><b>SECRET</b></p>",
            "<p style='opacity:0'>SECRET</p>",
            "<p style='color:#fff'>SECRET</p>",
            "<p style='color:rgb(254, 254, 254)'>SECRET</p>",
            "<p style='color:transparent'>SECRET</p>",
            "<p style='color:rgba(0, 0, 0, 0)'>SECRET</p>",
            "<p><font color=white>SECRET</font></p>",
            "<div style='background:#123456'><p style='color:#123456'>SECRET</p></div>",
            "<table bgcolor=navy><tr><td style='color:navy'>SECRET</td></tr></table>",
            "<p style='position:absolute;left:-9999px'>SECRET</p>",
            "<p style='text-indent:-5000px'>SECRET</p>",
            "<div style='height:0;overflow:hidden'>SECRET</div>",
            "<p style='position:absolute;clip:rect(0,0,0,0)'>SECRET</p>",
            "<p style='mso-hide:all'>SECRET</p>",
            "<!-- SECRET -->",
            "<script>SECRET</script>",
            "<noscript>SECRET</noscript>",
            "<template>SECRET</template>",
            "<input type=hidden value=SECRET>",
        ],
    )
    def test_leave_out_what_is_not_shown(self, hidden: str) -> None:
        found = text_of(f"<html><body><p>before</p>{hidden}<p>after</p></body></html>")

        assert found.split() == ["before", "after"]

    @pytest.mark.parametrize(
        "shown",
        [
            "<div style='visibility:hidden'><p style='visibility:visible'>shown</p></div>",
            "<div style='font-size:0'><span style='font-size:14px'>shown</span></div>",
            "<div style='background:#000'><p style='color:#fff'>shown</p></div>",
            "<td bgcolor=black><font color=white>shown</font></td>",
            "<div style='background:url(sky.png)'><p style='color:white'>shown</p></div>",
            "<p style='opacity:0.5'>shown</p>",
            "<p style='font-size:0.8em'>shown</p>",
            "<p style='color:inherit;background:transparent'>shown</p>",
        ],
    )
    def test_read_what_is_shown_after_all(self, shown: str) -> None:
        assert text_of(f"<html><body>{shown}</body></html>") == "shown"

    def test_keep_the_words_around_what_is_hidden_apart(self) -> None:
        assert text_of("<p>one<span hidden>x</span>two</p>") == "one two"
