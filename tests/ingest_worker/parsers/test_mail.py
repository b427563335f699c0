"""Mails: bodies, and attachments of any kind, within bounds."""

import io
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest

from tests.ingest_worker.parsers.documents import DATA
from tests.ingest_worker.parsers.reading import read_bytes, text_of


def mail(subject: str, body: str = "See below.") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Kim <kim@example.org>"
    message["To"] = "lee@example.org"
    message["Subject"] = subject
    message.set_content(body)
    return message


def nested(depth: int) -> EmailMessage:
    message = mail(f"level {depth}", f"body {depth}")
    if depth < 6:
        message.add_attachment(nested(depth + 1))
    return message


class TestMailParser:
    @pytest.mark.parametrize(
        ("name", "passage", "label"),
        [
            ("english.docx", "Maple", "english.docx"),
            ("english.pdf", "The Evolution of the Word Processor", "english.pdf: page 1"),
            ("slides.pptx", "Find the bullet slide layout", "slides.pptx: Adding a Bullet Slide"),
            ("table.csv", "| Maple Leafs | TOR | 13 |", "table.csv"),
        ],
    )
    def test_reads_attachments(self, tmp_path: Path, name: str, passage: str, label: str) -> None:
        message = mail("Papers")
        data = (DATA / name).read_bytes()
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)

        first, *attached = read_bytes(tmp_path, "a.eml", message.as_bytes())

        assert first.label == "Papers"
        assert f"Attachment: {name}" in first.text.splitlines()
        assert passage in text_of(attached)
        assert attached[0].label == label

    @pytest.mark.parametrize("name", ["broken.docx", "english-and-korean.png"])
    def test_names_attachments_that_are_not_read(self, tmp_path: Path, name: str) -> None:
        message = mail("Broken")
        whole = DATA / name
        data = whole.read_bytes() if whole.exists() else b"PK\x03\x04 word/document.xml"
        message.add_attachment(data, maintype="x", subtype="y", filename=name)

        [page] = read_bytes(tmp_path, "a.eml", message.as_bytes())

        assert f"Attachment: {name} (not read)" in page.text

    def test_reads_mails_within_mails_to_a_bounded_depth(self, tmp_path: Path) -> None:
        found = text_of(read_bytes(tmp_path, "a.eml", nested(0).as_bytes()))

        assert "body 1" in found
        assert "body 3" in found
        assert "body 5" not in found

    def test_reads_a_bounded_number_of_attachments(self, tmp_path: Path) -> None:
        message = mail("Many")
        for number in range(110):
            message.add_attachment(f"content {number}", filename=f"{number}.txt")

        found = text_of(read_bytes(tmp_path, "a.eml", message.as_bytes()))

        assert "content 99" in found
        assert "content 100" not in found

    def test_shows_the_richest_of_alternatives_once(self, tmp_path: Path) -> None:
        message = mail("Two ways", "plain words")
        message.add_alternative("<p>rich <b>words</b></p><p hidden>SECRET</p>", subtype="html")

        found = text_of(read_bytes(tmp_path, "noext", message.as_bytes()))

        assert "rich words" in found
        assert "plain words" not in found
        assert "SECRET" not in found

    def test_reads_each_mail_of_a_mailbox(self, tmp_path: Path) -> None:
        box = b"".join(
            b"From kim@example.org Mon Jun 01 10:00:00 2026\n" + mail(name).as_bytes() + b"\n\n"
            for name in ("first", "second")
        )

        found = read_bytes(tmp_path, "all.mbox", box)

        assert [page.label for page in found] == ["first", "second"]

    def test_leaves_out_hidden_sheets_of_attachments(self, tmp_path: Path) -> None:
        book = openpyxl.Workbook()
        book.create_sheet("SECRET").sheet_state = "hidden"
        file = io.BytesIO()
        book.save(file)
        message = mail("Sheets")
        message.add_attachment(
            file.getvalue(), maintype="application", subtype="x", filename="a.xlsx"
        )

        found = read_bytes(tmp_path, "a.eml", message.as_bytes())

        assert [page.label for page in found] == ["Sheets", "a.xlsx: Sheet"]
