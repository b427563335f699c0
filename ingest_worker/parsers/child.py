"""What the sandbox's server imports: parsers as functions that take and give JSON."""

from pathlib import Path
from typing import Any, Final

from pi_heif import register_heif_opener
from PIL import Image

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import (
    CSV,
    ENCRYPTED_OFFICE,
    HTML,
    HWP,
    MARKDOWN,
    OLD_OFFICE,
    OUTLOOK,
    SAMPLE_BYTES,
    TEXT,
    XML,
    detect,
    directory_place,
)
from chatbot.sandbox.answers import fields_of
from ingest_worker.parsers.damage import naming_damage
from ingest_worker.parsers.registry import parser_for

# Pillow imports its formats with the first picture: better here, once, than in each child.
Image.init()
# Only what is looked at is decoded, in one thread. libheif's own limits of sizes and numbers hold.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)

_NAMES: Final = {
    MARKDOWN: ".md",
    CSV: ".csv",
    HTML: ".html",
    HWP: ".hwp",
    TEXT: ".txt",
    XML: ".xml",
    OUTLOOK: ".msg",
}


def open_file(*, path: str, media_type: str, pages_limit: int) -> dict[str, Any]:
    """A `Plan` as a dictionary."""
    found = _type_of(Path(path), media_type)
    with naming_damage():
        plan = parser_for(found).open_file(Path(path), found, pages_limit=pages_limit)
    return {
        "media_type": plan.media_type,
        "labels": plan.labels,
        "pages": [fields_of(page) for page in plan.pages],
    }


def read_pages(*, path: str, media_type: str, first: int, last: int) -> list[dict[str, Any]]:
    """A list of `PageText` as dictionaries."""
    found = _type_of(Path(path), media_type)
    with naming_damage():
        pages = parser_for(found).read_pages(Path(path), found, first, last)
        return [fields_of(page) for page in pages]


def _type_of(path: Path, believed: str) -> str:
    """What the content is; the caller's word counts where it can't be told from the content."""
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
        file.seek(max(0, path.stat().st_size - SAMPLE_BYTES))
        tail = file.read()
        file.seek(directory_place(head) or 0)
        directory = file.read(SAMPLE_BYTES)
    if not head:
        raise DocumentFault("The file is empty.", code="file-empty")
    name = "file" + _NAMES.get(believed, "")
    found = detect(head=head, tail=tail, name=name, directory=directory) or believed
    if found == ENCRYPTED_OFFICE:
        raise DocumentFault("The document needs a password.", code="file-encrypted")
    if found == OLD_OFFICE:
        raise DocumentFault("The document is of an old kind.", code="type-outdated")
    return found


FUNCTIONS = {"open_file": open_file, "read_pages": read_pages}
