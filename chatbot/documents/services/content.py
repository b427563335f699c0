"""What a file is, by its content."""

import os
from typing import IO, TYPE_CHECKING, Final

from chatbot.contracts import media_types
from chatbot.contracts.errors import UnsupportedType
from chatbot.documents.models import DocumentVersion

if TYPE_CHECKING:
    from django.core.files.base import File

_OLD_HWP_SIGNATURE: Final = b"HWP Document File V"
"""HWP 3 and before; later ones are compound files."""
_SLOW_TO_OPEN_BYTES: Final = 2 * 1024 * 1024
"""PDFs and images are counted by their header; of the rest all is read when it is opened."""


def media_type_of(file: "IO[bytes] | File[bytes]", *, name: str) -> str:
    """What the content says; the name decides only between kinds of text.

    Raises:
        UnsupportedType: it is none that can be read.
    """
    file.seek(0)
    head = file.read(media_types.SAMPLE_BYTES)
    file.seek(max(0, file.seek(0, os.SEEK_END) - media_types.SAMPLE_BYTES))
    tail = file.read(media_types.SAMPLE_BYTES)
    file.seek(media_types.directory_place(head) or 0)
    directory = file.read(media_types.SAMPLE_BYTES)
    file.seek(0)
    media_type = media_types.detect(head=head, tail=tail, name=name, directory=directory)
    if media_type == media_types.ENCRYPTED_OFFICE:
        raise UnsupportedType(
            "Office files with a password can't be read.",
            way_out="Remove the protection and upload it again.",
        )
    if media_type == media_types.OLD_OFFICE:
        raise UnsupportedType(
            "Office files of before 2007 can't be read.",
            way_out="Save it as DOCX, PPTX, XLSX or PDF.",
        )
    if media_type:
        return media_type
    if head.startswith(_OLD_HWP_SIGNATURE):
        raise UnsupportedType(
            "Documents of HWP 3 and before can't be read.", way_out="Save it as HWPX or PDF."
        )
    raise UnsupportedType(
        "This type of file can't be read.",
        way_out=(
            "Accepted: PDF, images, DOCX, PPTX, XLSX, HWP, HWPX, ODT, ODS, ODP, RTF, EPUB, HTML, "
            "XML, Markdown, text, CSV, EML and MSG."
        ),
    )


def is_slow_to_open(version: DocumentVersion) -> bool:
    quick = version.media_type in {media_types.PDF, *media_types.IMAGES}
    return not quick and version.size_bytes > _SLOW_TO_OPEN_BYTES
