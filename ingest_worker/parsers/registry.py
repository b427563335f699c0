"""Which parser reads which media type."""

from functools import cache

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.attachments import Attachments
from ingest_worker.parsers.epub import EpubParser
from ingest_worker.parsers.hwp import HwpParser
from ingest_worker.parsers.hwpx import HwpxParser
from ingest_worker.parsers.images import ImageParser
from ingest_worker.parsers.mail import MailParser
from ingest_worker.parsers.markup import HtmlParser, MarkdownParser, TextParser
from ingest_worker.parsers.opendocument import OpenDocumentParser
from ingest_worker.parsers.outlook import OutlookParser
from ingest_worker.parsers.pdf import PdfParser
from ingest_worker.parsers.protocol import Parser
from ingest_worker.parsers.rtf import RtfParser
from ingest_worker.parsers.sheets import SheetParser
from ingest_worker.parsers.slides import SlidesParser
from ingest_worker.parsers.tables import CsvParser
from ingest_worker.parsers.word import WordParser
from ingest_worker.parsers.xml_text import XmlParser


@cache
def _parsers() -> dict[str, Parser]:
    attachments = Attachments(parser_for)
    parsers: tuple[Parser, ...] = (
        PdfParser(),
        ImageParser(),
        WordParser(),
        SlidesParser(),
        SheetParser(),
        HwpParser(),
        HwpxParser(),
        CsvParser(),
        HtmlParser(),
        MarkdownParser(),
        TextParser(),
        XmlParser(),
        RtfParser(),
        EpubParser(),
        OpenDocumentParser(),
        MailParser(attachments),
        OutlookParser(attachments),
    )
    return {media_type: parser for parser in parsers for media_type in parser.media_types}


def parser_for(media_type: str) -> Parser:
    """Raises DocumentFault (`type-unsupported`) if there is none."""
    try:
        return _parsers()[media_type]
    except KeyError:
        raise DocumentFault(
            f"There is no reader for {media_type}.", code="type-unsupported"
        ) from None
