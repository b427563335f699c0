"""EML: headers, the body, and attachments by name; those that are text come along."""

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from typing import BinaryIO, Final

from chatbot.contracts.media_types import EMAIL
from ingest_worker.parsers.encoding import decode
from ingest_worker.parsers.html_blocks import html_blocks
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.whole import WholeFileParser

_HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")
_HTML_ATTACHMENT: Final = "text/html"


class MailParser(WholeFileParser):
    media_types = frozenset({EMAIL})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        message = email.message_from_binary_file(file, policy=email.policy.default)
        attachments = list(_attachments(message))
        listed = Block("\n".join(f"Attachment: {_name(part)}" for part in attachments))
        yield Section(
            (_headers(message), *_body(message), listed), label=_header(message, "Subject")
        )
        for part in attachments:
            if part.get_content_maintype() == "text":
                yield Section(tuple(_blocks_of(part)), label=_name(part))


def _header(message: EmailMessage, name: str) -> str:
    """A header's text; empty if it is absent, or broken beyond what the library understands."""
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError, TypeError, LookupError):
        return ""


def _headers(message: EmailMessage) -> Block:
    found = ((name, _header(message, name)) for name in _HEADERS)
    return Block("\n".join(f"{name}: {value}" for name, value in found if value))


def _body(message: EmailMessage) -> Iterator[Block]:
    part = message.get_body(preferencelist=("html", "plain"))
    return iter(()) if part is None else _blocks_of(part)


def _attachments(message: EmailMessage) -> Iterator[MIMEPart]:
    for part in message.walk():
        if part.is_attachment():
            yield part


def _name(part: MIMEPart) -> str:
    return " ".join((part.get_filename() or part.get_content_type()).split())


def _blocks_of(part: MIMEPart) -> Iterator[Block]:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    text = decode(data, declared=str(part.get_content_charset() or ""))
    if part.get_content_type() == _HTML_ATTACHMENT:
        return iter(html_blocks(text))
    return iter([Block(paragraph) for paragraph in text.replace("\r\n", "\n").split("\n\n")])
