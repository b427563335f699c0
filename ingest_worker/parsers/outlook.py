"""MSG: a mail, or another item, as Outlook stores it."""

import struct
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import BinaryIO, Final

from oxmsg import Message
from oxmsg.attachment import Attachment

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import OUTLOOK
from ingest_worker.parsers.attachments import Attachments
from ingest_worker.parsers.html_blocks import html_blocks
from ingest_worker.parsers.mail import plain_blocks
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.whole import WholeFileParser

_BROKEN: Final = (
    ValueError,
    LookupError,
    OSError,
    AssertionError,
    AttributeError,
    TypeError,
    RecursionError,
    OverflowError,
    struct.error,
)
"""What the library raises on damaged files: it has no error of its own."""


class OutlookParser(WholeFileParser):
    media_types = frozenset({OUTLOOK})

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        try:
            message = Message.load(file)
            headers = "\n".join(_headers(message))
            body = _body(message)
            files = [_file(attachment) for attachment in message.attachments]
            subject = " ".join((message.subject or "").split())
        except _BROKEN as error:
            raise DocumentFault("The message can't be opened.", code="file-broken") from error
        with self._attachments.of_one_mail():
            listed, attachments = self._attachments.of_files(files)
        yield Section((Block(headers), *body, listed), label=subject)
        yield from attachments


def _headers(message: Message) -> Iterator[str]:
    if message.sender:
        yield f"From: {_readable(message.sender)}"
    people = [f"{one.name} <{one.email_address}>" for one in message.recipients]
    if people:
        yield f"To: {', '.join(people)}"
    if message.sent_date:
        yield f"Date: {message.sent_date.isoformat(' ')}"
    if message.subject:
        yield f"Subject: {message.subject}"


def _readable(header: str) -> str:
    """A header whose letters were written as numbers, for old mail servers."""
    try:
        return str(make_header(decode_header(header)))
    except (ValueError, LookupError, HeaderParseError):
        return header


def _body(message: Message) -> list[Block]:
    try:
        markup = message.html_body
    except _BROKEN:
        markup = None
    if markup and (found := html_blocks(markup)):
        return found
    return plain_blocks(message.body or "")


def _file(attachment: Attachment) -> tuple[str, bytes]:
    name = " ".join((attachment.file_name or "").replace("\x00", "").split())
    return name or "attachment", attachment.file_bytes or b""
