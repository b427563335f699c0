"""EPUB, made of the parts that matter."""

import io
import zipfile
from pathlib import Path

import pytest

from chatbot.contracts.errors import DocumentFault
from tests.ingest_worker.parsers.reading import read_bytes

CONTAINER = '<container><rootfiles><rootfile full-path="book/all.opf"/></rootfiles></container>'
PACKAGE = """<package><manifest>
<item id="b" href="two%20words.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="../one.xhtml" media-type="application/xhtml+xml"/>
<item id="c" href="cover.png" media-type="image/png"/></manifest>
<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="c"/><itemref idref="none"/></spine>
</package>"""


def book(**others: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("book/all.opf", PACKAGE)
        archive.writestr("book/two words.xhtml", "<html><h1>Second</h1><p>Then.</p></html>")
        archive.writestr("one.xhtml", "<html><h1>First</h1><p>So.</p><p hidden>SECRET</p></html>")
        for name, content in others.items():
            archive.writestr(name, content)
    return file.getvalue()


class TestEpubParser:
    def test_reads_chapters_in_the_order_of_the_spine(self, tmp_path: Path) -> None:
        found = read_bytes(tmp_path, "book", book())

        assert [page.label for page in found] == ["First", "Second"]
        assert [page.text for page in found] == ["# First\n\nSo.", "# Second\n\nThen."]

    def test_tells_books_that_are_locked(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentFault) as caught:
            read_bytes(tmp_path, "book", book(**{"META-INF/rights.xml": "<rights/>"}))

        assert caught.value.error_code == "file-encrypted"
