"""DOCX: what partitioners pass over is found, what is hidden isn't."""

import io
import zipfile
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Pt, RGBColor

from tests.ingest_worker.parsers.documents import DATA
from tests.ingest_worker.parsers.reading import read_bytes, text_of

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
W14 = 'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
MATHS = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
FRACTION = f"""
<m:oMath {MATHS}><m:r><m:t>y=</m:t></m:r><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num>
<m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"""
BOX = f"""
<w:sdt {nsdecls("w")} {W14}>
<w:sdtPr><w14:checkbox><w14:checked w14:val="1"/></w14:checkbox></w:sdtPr>
<w:sdtContent><w:r><w:t>\u2612</w:t></w:r></w:sdtContent></w:sdt>"""
INSERTED = f'<w:ins {nsdecls("w")} w:id="1"><w:r><w:t>inserted</w:t></w:r></w:ins>'
DELETED = f'<w:del {nsdecls("w")} w:id="2"><w:r><w:delText>deleted</w:delText></w:r></w:del>'
TEXT_BOX = f"""
<w:r {nsdecls("w")}><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:textbox>
<w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent>
</v:textbox></v:shape></w:pict></w:r>"""


def saved(document: "docx.document.Document") -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """The package with bytes of its parts exchanged."""
    copy = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(copy, "w") as after:
        for member in before.infolist():
            after.writestr(member, before.read(member).replace(old, new))
    return copy.getvalue()


class TestWordParser:
    @pytest.mark.parametrize(
        ("markup", "expected"),
        [
            pytest.param(FRACTION, "Before y=(a+b)/2", id="formula"),
            pytest.param(BOX, "Before [x]", id="check-box"),
            pytest.param(INSERTED, "Before inserted", id="insertion"),
            pytest.param(DELETED, "Before", id="deletion"),
            pytest.param(TEXT_BOX, "Before\n\nIn a box.", id="text-box"),
        ],
    )
    def test_reads_what_stands_in_paragraphs(
        self, tmp_path: Path, markup: str, expected: str
    ) -> None:
        document = docx.Document()
        document.add_paragraph("Before ")._p.append(parse_xml(markup))

        found = text_of(read_bytes(tmp_path, "a.docx", saved(document)))

        assert found.replace("# ", "") == expected

    def test_puts_comments_below_their_paragraph(self, tmp_path: Path) -> None:
        document = docx.Document()
        run = document.add_paragraph("The price is fixed.").add_run(" Really.")
        document.add_comment(run, text="By whom?", author="Kim")

        found = text_of(read_bytes(tmp_path, "a.docx", saved(document)))

        assert found == "The price is fixed. Really.\n\n[Comment] Kim: By whom?"

    def test_leaves_out_what_is_not_shown(self, tmp_path: Path) -> None:
        document = docx.Document()
        document.add_paragraph("A visible sentence, as it stands.")
        document.add_paragraph().add_run("SECRET vanished").font.hidden = True
        document.add_paragraph().add_run("SECRET white").font.color.rgb = RGBColor(255, 255, 255)
        document.add_paragraph().add_run("SECRET tiny").font.size = Pt(1)
        style = document.styles.add_style("Unseen", WD_STYLE_TYPE.CHARACTER)
        style.font.hidden = True
        document.add_paragraph().add_run("SECRET by style", style=style)
        document.sections[0].header.paragraphs[0].add_run("SECRET header").font.hidden = True

        found = text_of(read_bytes(tmp_path, "a.docx", saved(document)))

        assert found == "A visible sentence, as it stands."

    def test_reads_white_letters_on_a_dark_cell(self, tmp_path: Path) -> None:
        document = docx.Document()
        cell = document.add_table(1, 1).cell(0, 0)
        cell._tc.get_or_add_tcPr().append(parse_xml(f'<w:shd {nsdecls("w")} w:fill="1F3864"/>'))
        cell.paragraphs[0].add_run("Total").font.color.rgb = RGBColor(255, 255, 255)

        assert "Total" in text_of(read_bytes(tmp_path, "a.docx", saved(document)))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param(
                b"vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
                b"vnd.ms-word.document.macroEnabled.main+xml",
                id="with-macros",
            ),
            pytest.param(b"document.main+xml", b"template.main+xml", id="template"),
            pytest.param(
                b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
                b"http://purl.oclc.org/ooxml/officeDocument/relationships",
                id="strict",
            ),
        ],
    )
    def test_reads_documents_of_related_kinds(self, tmp_path: Path, old: bytes, new: bytes) -> None:
        data = replaced((DATA / "english.docx").read_bytes(), old, new)

        assert "Maple" in text_of(read_bytes(tmp_path, "letter.doc", data))

    @pytest.mark.parametrize("kind", ["text/html", "message/rfc822"])
    def test_reads_pages_of_the_web_within_a_document(self, tmp_path: Path, kind: str) -> None:
        page = b"<p>Within, and <b>bold</b>.</p><p hidden>SECRET</p>"
        archive = MIMEMultipart("related")
        archive.attach(MIMEText(page.decode(), "html"))
        content = page if kind == "text/html" else archive.as_bytes()
        document = docx.Document()
        part = Part(PackURI("/word/page.part"), kind, content, document.part.package)
        document.part.relate_to(part, f"{OFFICE}/aFChunk")

        found = text_of(read_bytes(tmp_path, "a.docx", saved(document)))

        assert found == "Within, and bold."
