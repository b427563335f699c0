"""Files that were made to do harm, and damaged ones, through detection and the sandbox."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from chatbot.contracts.errors import DOCUMENT_FAULTS, DocumentFault
from chatbot.contracts.media_types import SAMPLE_BYTES, detect
from ingest_worker import sandbox
from tests.ingest_worker import hostile_files
from tests.mutations import mutated

DATA = Path(__file__).resolve().parents[1] / "data"
ORIGINALS = sorted(path for path in DATA.iterdir() if path.suffix not in (".md", ".tif"))
LONGEST_SECONDS = 60.0
PAGES_LIMIT = 2000
MUTATIONS_OF_EACH = 8


def outcome(content: bytes, folder: Path, *, name: str = "file") -> tuple[str, str]:
    """The code that the file ends with, empty if it was read, and its text."""
    path = folder / "document"
    path.write_bytes(content)
    found = detect(head=content[:SAMPLE_BYTES], tail=content[-SAMPLE_BYTES:], name=name)
    if found is None:
        return "type-unsupported", ""
    try:
        plan = sandbox.open_file(path, found, pages_limit=PAGES_LIMIT)
        pages = plan.pages or sandbox.read_pages(path, plan.media_type, 1, min(8, plan.page_count))
    except DocumentFault as fault:
        return fault.error_code, ""
    return "", "\n".join(page.text for page in pages)


class TestHostileFile:
    @pytest.mark.parametrize(
        ("make", "codes"),
        [
            (hostile_files.archive_bomb, {"too-much-output"}),
            (hostile_files.xml_bomb, {"too-much-output", "too-much-memory", "file-broken"}),
            (hostile_files.entity_bomb, {"", "file-broken", "too-much-output"}),
            (hostile_files.deep_xml, {"", "file-broken", "no-text"}),
            (hostile_files.deep_html, {"", "file-broken"}),
            (hostile_files.nested_archives, {"type-unsupported"}),
            (hostile_files.endless_pages, {"too-many-pages"}),
            (hostile_files.deep_pdf, {"", "file-broken"}),
            (hostile_files.page_in_itself, {"", "file-broken", "no-text"}),
            (hostile_files.content_bomb, {"", "too-much-memory", "too-much-cpu"}),
            (hostile_files.picture_bomb, {"page-too-large"}),
            (hostile_files.endless_mail, {"", "file-broken"}),
        ],
        ids=lambda value: getattr(value, "__name__", None),
    )
    def test_ends_in_text_or_a_code_in_time(
        self, make: Callable[[], bytes], codes: set[str], tmp_path: Path
    ) -> None:
        content = make()
        began = time.monotonic()

        code, _ = outcome(content, tmp_path)

        assert code in codes
        assert time.monotonic() - began < LONGEST_SECONDS

    def test_shows_no_file_of_this_machine(self, tmp_path: Path) -> None:
        _, text = outcome(hostile_files.entity_of_a_file(), tmp_path)

        assert "root:" not in text

    def test_is_not_unpacked_anywhere(self, tmp_path: Path) -> None:
        target = tmp_path / "elsewhere"
        target.mkdir()

        code, text = outcome(hostile_files.escaping_archive(target), tmp_path)

        assert (code, bool(text)) == ("", True)
        assert list(target.iterdir()) == []

    def test_is_read_without_its_macros(self, tmp_path: Path) -> None:
        code, text = outcome(hostile_files.file_with_macros(), tmp_path)

        assert code == ""
        assert text
        assert "Shell" not in text


class TestDamagedFile:
    @pytest.mark.parametrize("original", ORIGINALS, ids=lambda path: path.name)
    def test_ends_in_text_or_a_code(self, original: Path, tmp_path: Path) -> None:
        chance = Random(original.name)  # noqa: S311 - to be repeated, not to be secret
        others = [chance.choice(ORIGINALS).read_bytes() for _ in range(MUTATIONS_OF_EACH)]
        damaged = [mutated(original.read_bytes(), other, chance) for other in others]

        codes = {outcome(content, tmp_path, name=original.name)[0] for content in damaged}

        assert codes <= {"", *DOCUMENT_FAULTS}
        assert "parser-crashed" not in codes
