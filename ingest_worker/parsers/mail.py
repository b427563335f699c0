"""EML and mailboxes: headers, bodies, and what is attached."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage, Message
from typing import BinaryIO, Final

from chatbot.contracts.media_types import EMAIL
from ingest_worker.parsers.attachments import Attachments
from ingest_worker.parsers.encoding import decode
from ingest_worker.parsers.html_blocks import html_blocks
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.whole import WholeFileParser

_HEADERS: Final = ("From", "To", "Cc", "Date", "Subject")
_HTML: Final = "text/html"
_MAIL: Final = "message/rfc822"
_NEXT_MAIL: Final = re.compile(rb"\r?\n\r?\n(?=From \S+ .{10,40}\d{4}\r?\n)")
_MAILS: Final = 2000
_DEEPEST: Final = 50
_MALFORMED: Final = (ValueError, IndexError, AttributeError, TypeError, LookupError)
"""What the library raises where mails are broken beyond what it understands."""


class MailParser(WholeFileParser):
    """Each mail of a mailbox, and each attachment, is a section."""

    media_types = frozenset({EMAIL})

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        data = file.read()
        mails = _NEXT_MAIL.split(data) if data.startswith(b"From ") else [data]
        with self._attachments.of_one_mail():
            for mail in mails[:_MAILS]:
                yield from self._sections(mail)

    def _sections(self, data: bytes) -> Iterator[Section]:
        message = email.message_from_bytes(data, policy=email.policy.default)
        bodies: list[Message] = []
        attached: list[Message] = []
        _sort(message, bodies, attached, 0)
        files = [(_name(part), _content(part)) for part in attached]
        listed, attachments = self._attachments.of_files(files)
        body = [block for part in bodies for block in _blocks(part)]
        yield Section((_headers(message), *body, listed), label=_header(message, "Subject"))
        yield from attachments


def web_archive_blocks(data: bytes) -> list[Block]:
    """What is shown of an MHTML file: a page in the form of a mail."""
    bodies: list[Message] = []
    _sort(email.message_from_bytes(data, policy=email.policy.default), bodies, [], 0)
    return [block for part in bodies for block in _blocks(part)]


def _sort(part: Message, bodies: list[Message], attached: list[Message], depth: int) -> None:
    """Tells what is shown from what is attached; of alternatives the richest is shown."""
    kind = part.get_content_type()
    is_attached = part.get_content_disposition() == "attachment"
    children = part.get_payload()
    if kind == _MAIL and depth:
        attached.append(part)
    elif isinstance(children, list) and not is_attached and depth < _DEEPEST:
        shown = [child for child in children if isinstance(child, Message)]
        if kind == "multipart/alternative":
            shown = [_richest(shown)] if shown else []
        for child in shown:
            _sort(child, bodies, attached, depth + 1)
    elif part.get_content_maintype() == "text" and not is_attached and not _file_name(part):
        bodies.append(part)
    elif depth or is_attached:
        attached.append(part)


def _richest(parts: list[Message]) -> Message:
    for wanted in (_HTML, "multipart/related", "multipart/mixed", "text/plain"):
        for part in parts:
            if part.get_content_type() == wanted:
                return part
    return parts[-1]


def _header(message: Message, name: str) -> str:
    """A header's text; empty if it is absent or broken."""
    try:
        return " ".join(str(message.get(name, "")).split())
    except _MALFORMED:
        return ""


def _headers(message: Message) -> Block:
    found = ((name, _header(message, name)) for name in _HEADERS)
    return Block("\n".join(f"{name}: {value}" for name, value in found if value))


def _file_name(part: Message) -> str:
    try:
        return " ".join((part.get_filename() or "").split())
    except _MALFORMED:
        return ""


def _name(part: Message) -> str:
    if name := _file_name(part):
        return name
    inner = part.get_payload()
    if part.get_content_type() == _MAIL and isinstance(inner, list) and inner:
        subject = _header(inner[0], "Subject") if isinstance(inner[0], EmailMessage) else ""
        return f"{subject}.eml" if subject else "mail.eml"
    return part.get_content_type()


def _content(part: Message) -> bytes:
    """The bytes of an attachment; of a mail, as it was sent."""
    try:
        inner = part.get_payload()
        if isinstance(inner, list):
            return inner[0].as_bytes() if inner and isinstance(inner[0], Message) else b""
        payload = part.get_payload(decode=True)
    except _MALFORMED:
        return b""
    return payload if isinstance(payload, bytes) else b""


def _blocks(part: Message) -> list[Block]:
    text = decode(_content(part), declared=str(part.get_content_charset() or ""))
    if part.get_content_type() == _HTML:
        return html_blocks(text)
    return plain_blocks(text)


def plain_blocks(text: str) -> list[Block]:
    """The paragraphs of a body without markup."""
    return [Block(paragraph) for paragraph in text.replace("\r\n", "\n").split("\n\n")]
