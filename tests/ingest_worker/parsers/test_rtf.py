"""RTF: text in any of its ways of writing letters, without what isn't text."""

import pytest

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.rtf import rtf_blocks


def text_of(data: bytes) -> str:
    return "\n".join(block.text for block in rtf_blocks(data) if block.text)


class TestRtfBlocks:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            pytest.param(rb"one\par two", "one\ntwo", id="paragraphs"),
            pytest.param(rb"\u54620?\u44397?", "한국", id="unicode"),
            pytest.param(rb"\uc2\u-10916\'c7\'d1!", "한!", id="unicode-with-two-stand-ins"),
            pytest.param(rb"\u-10179?\u-8704?", "\U0001f600", id="surrogates"),
            pytest.param(rb"\f1\'c7\'d1\'b1\'b9", "한국", id="font-in-korean"),
            pytest.param(rb"\'e9t\'e9", "été", id="western"),
            pytest.param(b"one\r\n word", "one word", id="lines-of-the-file"),
            pytest.param(rb"\{a\\b\}\~c", "{a\\b} c", id="symbols"),
            pytest.param(rb"a{\pict 89504e47}b", "ab", id="picture"),
            pytest.param(rb"a{\*\unknown words}b", "ab", id="unknown-group"),
            pytest.param(rb"a{\pict\bin4 }}}}}b", "ab", id="bytes"),
            pytest.param(rb"{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}", "link", id="field"),
            pytest.param(
                rb"\trowd a\cell b\cell\row\trowd c\cell d\cell\row\pard e",
                "| a | b |\n| --- | --- |\n| c | d |\ne",
                id="table",
            ),
            pytest.param(rb"text{\footnote a note}.", "text.\na note", id="note"),
        ],
    )
    def test_are_the_text_of_a_document(self, written: bytes, expected: str) -> None:
        fonts = rb"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset129 Batang;}}"

        found = text_of(rb"{\rtf1\ansi\ansicpg1252" + fonts + rb"\f0 " + written + b"}")

        assert found == expected

    @pytest.mark.parametrize(
        "hidden",
        [rb"{\v SECRET}", rb"\v SECRET\v0 ", rb"{\deleted SECRET}", rb"{\fs1 SECRET}"],
    )
    def test_leave_out_hidden_text(self, hidden: bytes) -> None:
        assert text_of(rb"{\rtf1 before " + hidden + rb"after}") == "before after"

    def test_have_a_deepest_group(self) -> None:
        with pytest.raises(DocumentFault):
            rtf_blocks(rb"{\rtf1" + b"{" * 5000)
