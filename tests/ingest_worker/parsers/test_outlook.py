"""MSG, and the other files that come in the same wrapping."""

from pathlib import Path

import pytest

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import ENCRYPTED_OFFICE, OLD_OFFICE, OUTLOOK
from ingest_worker.sandbox import open_file
from tests.ingest_worker.parsers.documents import DATA
from tests.ingest_worker.parsers.reading import read_bytes, read_file, type_of

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SECTOR_BYTES = 512
FAR = 500


def compound(part: str) -> bytes:
    """The header of a compound file whose first part, named far away, is this one."""
    header = bytearray(SECTOR_BYTES)
    header[:8] = SIGNATURE
    header[30:32] = (9).to_bytes(2, "little")
    header[48:52] = FAR.to_bytes(4, "little")
    return bytes(header) + bytes(SECTOR_BYTES * FAR) + part.encode("utf-16-le") + bytes(99_999)


class TestOutlookParser:
    def test_reads_headers_and_body(self) -> None:
        [page] = read_file(DATA / "mail.msg")

        assert page.label == "Simple Email"
        assert "To: Bob Example <bob@example.com>" in page.text
        assert "This is a simple email body." in page.text

    def test_refuses_what_is_cut_off(self, tmp_path: Path) -> None:
        data = (DATA / "mail.msg").read_bytes()

        with pytest.raises(DocumentFault) as caught:
            read_bytes(tmp_path, "cut.msg", data[: len(data) // 3])

        assert caught.value.error_code == "file-broken"


class TestCompoundFiles:
    @pytest.mark.parametrize(
        ("part", "expected"),
        [
            ("WordDocument", OLD_OFFICE),
            ("Workbook", OLD_OFFICE),
            ("PowerPoint Document", OLD_OFFICE),
            ("EncryptedPackage", ENCRYPTED_OFFICE),
            ("__properties_version1.0", OUTLOOK),
        ],
    )
    def test_are_told_apart_by_their_parts(self, part: str, expected: str) -> None:
        assert type_of(compound(part), "file") == expected

    @pytest.mark.parametrize(
        ("part", "code"),
        [("WordDocument", "type-outdated"), ("EncryptedPackage", "file-encrypted")],
    )
    def test_say_why_they_are_refused(self, tmp_path: Path, part: str, code: str) -> None:
        path = tmp_path / "upload"
        path.write_bytes(compound(part))

        with pytest.raises(DocumentFault) as caught:
            open_file(path, "application/octet-stream", pages_limit=9)

        assert caught.value.error_code == code
