"""Which parser reads which media type."""

from functools import cache

from chatbot.contracts.errors import DocumentFault
from ingest_worker.parsers.images import ImageParser
from ingest_worker.parsers.mail import MailParser
from ingest_worker.parsers.markup import HtmlParser, MarkdownParser, TextParser
from ingest_worker.parsers.pdf import PdfParser
from ingest_worker.parsers.protocol import Parser
from ingest_worker.parsers.sheets import SheetParser
from ingest_worker.parsers.slides import SlidesParser
from ingest_worker.parsers.tables import CsvParser
from ingest_worker.parsers.word import WordParser


@cache
def _parsers() -> dict[str, Parser]:
    parsers: tuple[Parser, ...] = (
        PdfParser(),
        ImageParser(),
        WordParser(),
        SlidesParser(),
        SheetParser(),
        CsvParser(),
        HtmlParser(),
        MarkdownParser(),
        TextParser(),
        MailParser(),
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
