"""HWP 5: what its records say, and what broken or hostile ones do."""

import random
import struct
from pathlib import Path

import pytest

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import HWP
from ingest_worker import sandbox
from ingest_worker.parsers.hwp import HwpParser
from tests.ingest_worker.parsers import hwp_files as made
from tests.ingest_worker.parsers.documents import DATA

DAMAGED_COPIES = 60


def text_of(path: Path) -> str:
    return "\n".join(page.text for page in HwpParser().open_file(path, HWP, pages_limit=99).pages)


def code_of(path: Path) -> str:
    with pytest.raises(DocumentFault) as raised:
        HwpParser().open_file(path, HWP, pages_limit=99)
    return raised.value.error_code


class TestHwpDocuments:
    def test_are_told_by_their_content_and_read_in_the_sandbox(self) -> None:
        plan = sandbox.open_file(DATA / "textbox.hwp", HWP, pages_limit=9)

        assert plan.media_type == HWP
        assert plan.pages[0].text == "그림 1 캡션\n\n글상자"

    def test_have_tables_where_they_stand(self, tmp_path: Path) -> None:
        section = made.paragraph(0, "앞", "tbl") + made.table(1, ["이름", "수"], ["나무", "3"])

        found = text_of(made.hwp(tmp_path / "a.hwp", section + made.paragraph(0, "뒤")))

        assert found == "앞\n\n| 이름 | 수 |\n| --- | --- |\n| 나무 | 3 |\n\n뒤"

    def test_have_headings_where_paragraphs_are_outlined(self, tmp_path: Path) -> None:
        info = made.outline_shape(0) + made.outline_shape(1)
        section = made.paragraph(0, "총칙") + made.paragraph(0, "목적", shape=1)

        plan = HwpParser().open_file(
            made.hwp(tmp_path / "a.hwp", section, info=info), HWP, pages_limit=9
        )

        assert plan.labels == ("총칙",)
        assert plan.pages[0].text == "# 총칙\n\n## 목적"

    def test_have_the_numbers_that_their_reader_counts(self, tmp_path: Path) -> None:
        levels = [("^1.", 0), ("^2)", 8), ("^1.^2.^3", 0), ("", 0), ("", 0), ("", 0), ("", 0)]
        articles = [("제^1장", 13), *levels[1:]]
        info = made.numbering(*levels) + made.numbering(*articles) + made.outline_shape(0)
        info += b"".join(made.numbered_shape(level, 1) for level in range(3))
        section = made.paragraph(0, "총칙", "secd") + made.section_control(1, 2)
        items = [("가", 1), ("나", 2), ("다", 2), ("라", 1), ("마", 3), ("바", 2), ("사", 9)]
        section += b"".join(made.paragraph(0, text, shape=shape) for text, shape in items)

        found = text_of(made.hwp(tmp_path / "a.hwp", section, info=info))

        assert found.replace("\n\n", "\n").split("\n") == [
            *("# 제一장 총칙", "1. 가", "가) 나", "나) 다"),
            *("2. 라", "2.가.1 마", "나) 바", "사"),
        ]

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            pytest.param("fn", "본문[^1]\n\n[^1]: 딸린 글", id="footnote"),
            pytest.param("en", "본문[^e1]\n\n[^e1]: 딸린 글", id="endnote"),
            pytest.param("head", "딸린 글\n\n본문", id="header"),
            pytest.param("gso", "본문\n\n딸린 글", id="text-box"),
            pytest.param("tcmt", "본문", id="hidden-comment"),
        ],
    )
    def test_have_what_is_set_into_them(self, tmp_path: Path, name: str, expected: str) -> None:
        inset = made.record(made.CONTROL, 1, made.control_name(name))
        inset += made.record(made.LIST, 2, bytes(8)) + made.paragraph(2, "딸린 글")

        found = text_of(made.hwp(tmp_path / "a.hwp", made.paragraph(0, "본문", name) + inset))

        assert found == expected

    def test_have_headers_once(self, tmp_path: Path) -> None:
        inset = made.record(made.CONTROL, 1, made.control_name("head"))
        inset += made.record(made.LIST, 2, bytes(8)) + made.paragraph(2, "머리말")
        section = made.paragraph(0, "본문", "head") + inset

        assert text_of(made.hwp(tmp_path / "a.hwp", section, section)).count("머리말") == 1

    def test_have_the_script_of_equations(self, tmp_path: Path) -> None:
        script = "a over b"
        data = struct.pack("<IH", 0, len(script)) + script.encode("utf-16-le")
        section = made.paragraph(0, "식: ", "eqed")
        section += made.record(made.CONTROL, 1, made.control_name("eqed"))
        section += made.record(made.EQUATION, 2, data)

        assert text_of(made.hwp(tmp_path / "a.hwp", section)) == "식: a over b"

    def test_made_for_distribution_are_read_with_the_key_that_they_hold(
        self, tmp_path: Path
    ) -> None:
        path = made.hwp(
            tmp_path / "a.hwp",
            made.paragraph(0, "배포용 문서"),
            flags=made.COMPRESSED | made.DISTRIBUTION,
        )

        assert text_of(path) == "배포용 문서"


class TestFaults:
    def test_are_named(self, tmp_path: Path) -> None:
        old = tmp_path / "old.hwp"
        old.write_bytes(b"HWP Document File V3.00 \x1a\x01\x02\x03\x04\x05" + bytes(200))
        long_record = struct.pack("<I", made.PARAGRAPH | 900 << 20) + bytes(20)
        files = {
            "file-encrypted": DATA / "password.hwp",
            "type-unsupported": old,
            "file-broken": made.hwp(tmp_path / "long.hwp", long_record),
            "too-much-output": made.hwp(tmp_path / "bomb.hwp", bytes(65 * 1024 * 1024)),
        }

        assert {code: code_of(path) for code, path in files.items()} == {
            code: code for code in files
        }

    @pytest.mark.parametrize(
        "name", ["textbox.hwp", "password.hwp"], ids=["readable", "with-a-password"]
    )
    def test_are_all_that_damaged_copies_raise(self, tmp_path: Path, name: str) -> None:
        whole = (DATA / name).read_bytes()
        chance = random.Random(name)  # noqa: S311 - the same copies in each run
        path = tmp_path / "damaged.hwp"
        codes = set()
        for number in range(DAMAGED_COPIES):
            damaged = bytearray(whole[: chance.randrange(len(whole))] if number % 3 else whole)
            for _ in range(number % 7):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            path.write_bytes(damaged)
            codes.add(_outcome(path))

        assert "file-broken" in codes

    def test_of_sections_that_end_early_are_named(self, tmp_path: Path) -> None:
        packed = made.deflated(random.Random(1).randbytes(9000))  # noqa: S311 - any bytes

        path = made.compound_hwp(
            tmp_path / "a.hwp", [packed[:5000]], info=made.deflated(b""), flags=made.COMPRESSED
        )

        assert code_of(path) == "file-broken"

    def test_of_nesting_come_before_the_stack_ends(self, tmp_path: Path) -> None:
        section = b"".join(
            made.paragraph(2 * depth, "x", "tbl")
            + made.record(made.CONTROL, 2 * depth + 1, made.control_name("tbl"))
            for depth in range(400)
        )

        assert code_of(made.hwp(tmp_path / "a.hwp", section)) == "file-broken"

    def test_of_cells_that_claim_far_places_do_no_harm(self, tmp_path: Path) -> None:
        cells = b"".join(made.cell(2, 150 * n, 150 * n, f"c{n}") for n in range(400))
        section = made.paragraph(0, "", "tbl")
        section += made.record(made.CONTROL, 1, made.control_name("tbl"))
        section += made.record(made.TABLE, 2) + cells

        found = text_of(made.hwp(tmp_path / "a.hwp", section))

        assert found.startswith("c0\nc1\n")
        assert found.endswith("c399")


def _outcome(path: Path) -> str:
    try:
        HwpParser().open_file(path, HWP, pages_limit=99)
    except DocumentFault as fault:
        return fault.error_code
    return "read"
