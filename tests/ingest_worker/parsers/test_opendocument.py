"""ODT, ODS and ODP, made of the parts that matter."""

import io
import zipfile
from pathlib import Path

import pytest

from chatbot.contracts.errors import DocumentFault
from tests.ingest_worker.parsers.reading import read_bytes, text_of

NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"),
        ("style", "style"), ("presentation", "presentation"),
    )
)  # fmt: skip
MANIFEST = '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">{}</manifest>'


def package(kind: str, body: str, *, styles: str = "", manifest: str = "") -> bytes:
    content = (
        f"<office:document-content {NAMES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body>{body}</office:body></office:document-content>"
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", MANIFEST.format(manifest))
    return file.getvalue()


class TestOpenDocumentParser:
    def test_reads_the_text_of_documents(self, tmp_path: Path) -> None:
        body = """<office:text><text:h text:outline-level="2">Rules</text:h>
        <text:p>Be <text:span>kind</text:span>.<text:note><text:note-citation>1</text:note-citation>
        <text:note-body><text:p>Always.</text:p></text:note-body></text:note></text:p>
        <text:list><text:list-item><text:p>one</text:p></text:list-item></text:list></office:text>"""

        found = text_of(read_bytes(tmp_path, "a.odt", package("text", body)))

        assert found == "## Rules\n\nBe kind.[^1]\n\nAlways.\n- one"

    def test_leaves_out_hidden_and_deleted_text(self, tmp_path: Path) -> None:
        styles = """<style:style style:name="H"><style:text-properties text:display="none"/>
        </style:style>"""
        body = """<office:text>
        <text:tracked-changes><text:p>SECRET 1</text:p></text:tracked-changes>
        <text:p>seen<text:span text:style-name="H">SECRET 2</text:span></text:p>
        <text:p text:style-name="H">SECRET 3</text:p>
        <text:p><text:hidden-text text:string-value="x">SECRET 4</text:hidden-text></text:p>
        <text:section text:display="none"><text:p>SECRET 5</text:p></text:section></office:text>"""

        found = text_of(read_bytes(tmp_path, "a.odt", package("text", body, styles=styles)))

        assert found == "seen"

    def test_reads_sheets_without_what_is_hidden(self, tmp_path: Path) -> None:
        styles = """<style:style style:name="H"><style:table-properties table:display="false"/>
        </style:style>"""
        cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
        columns = '<table:table-column/><table:table-column table:visibility="collapse"/>'
        row = f"<table:table-row>{cell}{cell}{cell}</table:table-row>"
        unseen = f'<table:table-row table:visibility="collapse">{cell}</table:table-row>'
        endless = """<table:table-row table:number-rows-repeated="1048576"><table:table-cell
        table:number-columns-repeated="16384"/></table:table-row>"""
        body = f"""<office:spreadsheet><table:table table:name="Prices">{columns}
        {row.format("name", "SECRET", "price")}{unseen.format("SECRET")}
        {row.format("bread", "SECRET", "3")}{endless}</table:table>
        <table:table table:name="Unseen" table:style-name="H">{row.format("SECRET", 1, 2)}
        </table:table></office:spreadsheet>"""

        data = package("spreadsheet", body, styles=styles)

        [page] = read_bytes(tmp_path, "a.ods", data)
        assert page.label == "Prices"
        assert page.text == "## Prices\n\n| name | price |\n| --- | --- |\n| bread | 3 |"

    def test_reads_each_slide_that_is_shown(self, tmp_path: Path) -> None:
        styles = """<style:style style:name="H"><style:drawing-page-properties
        presentation:visibility="hidden"/></style:style>"""
        box = "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
        body = f"""<office:presentation>
        <draw:page draw:name="Start">{box.format("Hello")}</draw:page>
        <draw:page draw:name="Unseen" draw:style-name="H">{box.format("SECRET")}</draw:page>
        </office:presentation>"""

        [page] = read_bytes(tmp_path, "a.odp", package("presentation", body, styles=styles))

        assert (page.label, page.text) == ("Start", "Hello")

    def test_tells_documents_with_a_password(self, tmp_path: Path) -> None:
        locked = package("text", "", manifest="<file-entry><encryption-data/></file-entry>")

        with pytest.raises(DocumentFault) as caught:
            read_bytes(tmp_path, "a.odt", locked)

        assert caught.value.error_code == "file-encrypted"

    def test_refuses_entities(self, tmp_path: Path) -> None:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
            archive.writestr("content.xml", '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>')

        with pytest.raises(DocumentFault) as caught:
            read_bytes(tmp_path, "a.odt", file.getvalue())

        assert caught.value.error_code == "file-broken"
