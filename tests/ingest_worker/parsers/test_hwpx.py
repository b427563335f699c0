"""HWPX: what its XML says, and what broken or hostile archives do."""

import random
import zipfile
from pathlib import Path

import pytest

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import HWPX, PDF
from ingest_worker import sandbox
from ingest_worker.parsers.hwpx import HwpxParser
from tests.ingest_worker.parsers.documents import DATA, bomb

DAMAGED_COPIES = 100
SECTION = '<s:sec xmlns:s="urn:s" xmlns:hp="urn:p">{}</s:sec>'


def hwpx(path: Path, *sections: str) -> Path:
    """A document of sections given as paragraphs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", HWPX, zipfile.ZIP_STORED)
        for number, content in enumerate(sections):
            archive.writestr(f"Contents/section{number}.xml", SECTION.format(content))
    return path


def paragraph(content: str) -> str:
    return f"<hp:p><hp:run>{content}</hp:run></hp:p>"


def text(content: str) -> str:
    return paragraph(f"<hp:t>{content}</hp:t>")


def inset(name: str) -> str:
    return f"<hp:{name}><hp:subList>{text('딸린 글')}</hp:subList></hp:{name}>"


def table(*rows: list[str]) -> str:
    cells = [
        "".join(
            f"<hp:tc><hp:subList>{text(content)}</hp:subList>"
            f'<hp:cellAddr colAddr="{column}" rowAddr="{row}"/></hp:tc>'
            for column, content in enumerate(contents)
        )
        for row, contents in enumerate(rows)
    ]
    return "<hp:tbl>" + "".join(f"<hp:tr>{row}</hp:tr>" for row in cells) + "</hp:tbl>"


def text_of(path: Path) -> str:
    return "\n".join(page.text for page in HwpxParser().open_file(path, HWPX, pages_limit=99).pages)


def code_of(path: Path) -> str:
    with pytest.raises(DocumentFault) as raised:
        HwpxParser().open_file(path, HWPX, pages_limit=99)
    return raised.value.error_code


class TestHwpxDocuments:
    def test_are_told_by_their_content_and_read_in_the_sandbox(self) -> None:
        plan = sandbox.open_file(DATA / "outline.hwpx", PDF, pages_limit=9)

        assert plan.media_type == HWPX
        assert "- 글머리1-1\n- 글머리1-2" in plan.pages[0].text
        assert "# 1. 개요1\n\n## 가. 개요1-1\n\n## 나. 개요1-2" in plan.pages[0].text
        assert "3.1. 번호3-1\n3.2. 번호3-2\n4. 번호4" in plan.pages[0].text
        assert "4.1.1.2. 번호-4-1-1-2\n4.1.2. 번호-4-1-2\n4.1.2.1." in plan.pages[0].text

    def test_have_their_headers_and_footers(self) -> None:
        assert text_of(DATA / "header.hwpx") == "꼬리말\n\n머리말 테스트"

    def test_have_tables_where_they_stand(self, tmp_path: Path) -> None:
        section = paragraph("<hp:t>앞</hp:t>" + table(["이름", "수"], ["나무", "3"])) + text("뒤")

        found = text_of(hwpx(tmp_path / "a.hwpx", section))

        assert found == "앞\n\n| 이름 | 수 |\n| --- | --- |\n| 나무 | 3 |\n\n뒤"

    def test_repeat_cells_in_each_row_that_they_cover(self, tmp_path: Path) -> None:
        merged = table(["구분", "금액"], ["인건비", "100"], ["", "200"]).replace(
            'colAddr="0" rowAddr="1"/>',
            'colAddr="0" rowAddr="1"/><hp:cellSpan colSpan="1" rowSpan="2"/>',
        )
        empty = f'<hp:tc><hp:subList>{text("")}</hp:subList><hp:cellAddr colAddr="0" rowAddr="2"/>'
        assert empty in merged

        found = text_of(
            hwpx(tmp_path / "a.hwpx", paragraph(merged.replace(f"{empty}</hp:tc>", "")))
        )

        assert found.endswith("| 인건비 | 100 |\n| 인건비 | 200 |")

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param(
                f"<hp:ctrl>{inset('footNote')}</hp:ctrl>", "본문[^1]\n\n[^1]: 딸린 글", id="note"
            ),
            pytest.param(
                f"<hp:rect>{inset('drawText')}</hp:rect>", "본문\n\n딸린 글", id="text-box"
            ),
            pytest.param(f"<hp:pic>{inset('caption')}</hp:pic>", "본문\n\n딸린 글", id="caption"),
            pytest.param(f"<hp:ctrl>{inset('hiddenComment')}</hp:ctrl>", "본문", id="hidden"),
            pytest.param(
                "<hp:equation><hp:script>a over b</hp:script></hp:equation>",
                "본문a over b",
                id="equation",
            ),
            pytest.param(
                "<hp:dutmal><hp:mainText>韓</hp:mainText><hp:subText>한</hp:subText></hp:dutmal>",
                "본문韓(한)",
                id="ruby",
            ),
            pytest.param('<hp:btn caption="확인"/>', "본문 확인", id="button"),
            pytest.param("<hp:t> 가<hp:tab/>나<hp:lineBreak/>다</hp:t>", "본문 가\t나\n다", id="t"),
            pytest.param(
                "<hp:t>1<hp:deleteBegin/>2</hp:t><hp:t>3<hp:deleteEnd/>4</hp:t>",
                "본문14",
                id="deleted",
            ),
        ],
    )
    def test_have_what_is_set_into_them(self, tmp_path: Path, content: str, expected: str) -> None:
        path = hwpx(tmp_path / "a.hwpx", paragraph(f"<hp:t>본문</hp:t>{content}"))

        assert text_of(path) == expected

    def test_have_sections_in_the_order_of_their_numbers(self, tmp_path: Path) -> None:
        path = hwpx(tmp_path / "a.hwpx", *[text(f"부 {number}") for number in range(12)])

        assert text_of(path).split("\n") == [f"부 {number}" for number in range(12)]


class TestFaults:
    def test_are_named(self, tmp_path: Path) -> None:
        nested = "<hp:a>" * 3000 + "</hp:a>" * 3000
        files = {
            DATA / "password.hwpx": "file-encrypted",
            hwpx(tmp_path / "none.hwpx"): "file-broken",
            hwpx(tmp_path / "deep.hwpx", nested): "file-broken",
            hwpx(tmp_path / "cut.hwpx", "<hp:p>"): "file-broken",
            bomb(tmp_path / "bomb.hwpx", part="Contents/section0.xml"): "too-much-output",
        }

        assert {path: code_of(path) for path in files} == files

    def test_leave_entities_of_xml_unread(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret.txt"
        secret.write_text("the secret")
        path = tmp_path / "a.hwpx"
        with zipfile.ZipFile(path, "w") as archive:
            declared = f'<!DOCTYPE s [<!ENTITY x SYSTEM "file://{secret}">]>'
            archive.writestr(
                "Contents/section0.xml", f"{declared}<s><p><run><t>&x;</t></run></p></s>"
            )

        assert code_of(path) == "file-broken"

    def test_are_all_that_damaged_copies_raise(self, tmp_path: Path) -> None:
        whole = (DATA / "header.hwpx").read_bytes()
        chance = random.Random(7)  # noqa: S311 - the same copies in each run
        path = tmp_path / "damaged.hwpx"
        codes = set()
        for number in range(DAMAGED_COPIES):
            damaged = bytearray(whole[: chance.randrange(len(whole))] if number % 3 == 0 else whole)
            for _ in range(number % 7):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            path.write_bytes(damaged)
            codes.add(_outcome(path))

        assert "file-broken" in codes


def _outcome(path: Path) -> str:
    try:
        HwpxParser().open_file(path, HWPX, pages_limit=99)
    except DocumentFault as fault:
        return fault.error_code
    return "read"
