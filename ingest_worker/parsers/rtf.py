"""RTF: the text of a document, without what its fonts, pictures and fields are made of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from chatbot.contracts.errors import DocumentFault
from chatbot.contracts.media_types import RTF
from ingest_worker.parsers.parts import Block, Section
from ingest_worker.parsers.tables import table
from ingest_worker.parsers.whole import WholeFileParser

_TOKEN: Final = re.compile(
    rb"\\(?:'(?P<hex>[0-9a-fA-F]{2})"
    rb"|(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})?[ ]?"
    rb"|(?P<symbol>[^a-zA-Z']))"
    rb"|(?P<group>[{}])"
    rb"|(?P<text>[^\\{}\r\n]+)"
)
_SKIPPED: Final = frozenset(
    b"fonttbl colortbl stylesheet info pict object themedata colorschememapping datastore "
    b"listtable listoverridetable rsidtbl generator latentstyles xmlnstbl filetbl revtbl fldinst "
    b"bkmkstart bkmkend mmathPr wgrffmtfilter listpicture pgdsctbl objdata objclass nonshppict "
    b"operator author company title subject doccomm keywords private pntxta pntxtb atnid atnauthor "
    b"atrfstart atrfend passwordhash userprops factoidname sp".split()
)
"""Groups that hold no text of the document."""
_ASIDE: Final = frozenset(
    b"footnote annotation header headerl headerr headerf footer footerl footerr footerf".split()
)
"""Groups that would stand in the middle of a sentence."""
_READ: Final = _ASIDE | frozenset(b"shptxt shpinst nesttableprops".split())
"""Groups with a star that do hold text."""
_PAGES: Final = {
    0: 1252, 77: 10000, 128: 932, 129: 949, 130: 1361, 134: 936, 136: 950, 161: 1253, 162: 1254,
    163: 1258, 177: 1255, 178: 1256, 186: 1257, 204: 1251, 222: 874, 238: 1250,
}  # fmt: skip
"""Code pages of the character sets of fonts."""
_WORDS: Final = {
    b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\r", b"nestrow": "\r",
    b"cell": "\x1f",
    b"nestcell": " ", b"tab": "\t", b"emdash": "\u2014", b"endash": "\u2013", b"bullet": "\u2022",
    b"lquote": "\u2018", b"rquote": "\u2019", b"ldblquote": "\u201c", b"rdblquote": "\u201d",
    b"emspace": " ", b"enspace": " ", b"qmspace": " ",
}  # fmt: skip
_SYMBOLS: Final = {
    b"~": " ",
    b"_": "-",
    b"\n": "\n",
    b"\r": "\n",
    b"\\": "\\",
    b"{": "{",
    b"}": "}",
}
_LOOKS: Final = frozenset({b"v", b"fs", b"deleted", b"plain"})
_DEEPEST: Final = 1000
_MOST_SKIPPED: Final = 16
_TINY_HALF_POINTS: Final = 2
_SURROGATES: Final = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")


@dataclass(frozen=True, slots=True)
class _State:
    """What ends with a group."""

    page: int = 1252
    is_skipped: bool = False
    is_hidden: bool = False
    is_deleted: bool = False
    is_tiny: bool = False
    aside: int = 0
    """Which of the texts that stand aside; 0 is the document."""
    skip: int = 1
    """Characters after a Unicode one, for readers that don't know it."""

    @property
    def is_seen(self) -> bool:
        return not (self.is_skipped or self.is_hidden or self.is_deleted or self.is_tiny)


class RtfParser(WholeFileParser):
    media_types = frozenset({RTF})

    def sections(self, file: BinaryIO, media_type: str) -> Iterator[Section]:  # noqa: ARG002 - one type
        yield Section(tuple(rtf_blocks(file.read())))


def rtf_blocks(data: bytes) -> list[Block]:
    """Paragraphs and tables of an RTF document.

    Raises:
        DocumentFault: groups are nested too deeply.
    """
    reader = _Reader()
    reader.read(data)
    return [block for text in reader.texts for block in _blocks(text)]


def _blocks(text: str) -> Iterator[Block]:
    rows: list[list[str]] = []
    for line in re.split(r"(?<=\r)|\n", text):
        if line.endswith("\r"):
            rows.append(line.rstrip("\r").removesuffix("\x1f").split("\x1f"))
        elif "\x1f" in line and rows:
            rows.append(line.split("\x1f"))
        else:
            if rows:
                yield table(rows)
                rows = []
            yield Block(line.replace("\x1f", " ").strip())
    if rows:
        yield table(rows)


class _Reader:
    def __init__(self) -> None:
        self._pieces: list[list[str]] = [[]]
        self._bytes = bytearray()
        self._state = _State()
        self._outer: list[_State] = []
        self._fonts: dict[int, int] = {}
        self._font = 0
        self._in_fonts = 0
        self._pending = 0
        """Characters still to pass over after a Unicode one."""
        self._is_starred = False

    @property
    def texts(self) -> list[str]:
        """The document, then each text that stands aside."""
        return [_joined("".join(pieces)) for pieces in self._pieces]

    def read(self, data: bytes) -> None:
        place = 0
        while (match := _TOKEN.search(data, place)) is not None:
            place = match.end()
            if match["group"]:
                self._group(match["group"])
            elif match["word"]:
                number = None if match["number"] is None else int(match["number"])
                if match["word"] == b"bin":
                    place += max(0, number or 0)
                else:
                    self._word(match["word"], number)
            elif match["hex"]:
                self._byte(bytes.fromhex(match["hex"].decode()))
            elif match["symbol"]:
                self._symbol(match["symbol"])
            else:
                self._byte(match["text"])
        self._flush()

    def _group(self, brace: bytes) -> None:
        self._flush()
        self._pending = 0
        self._is_starred = False
        if brace == b"{":
            if len(self._outer) >= _DEEPEST:
                raise DocumentFault("Groups are nested too deeply.", code="file-broken")
            self._outer.append(self._state)
        elif self._outer:
            self._state = self._outer.pop()
            self._in_fonts = min(self._in_fonts, len(self._outer))

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._is_starred = True
        elif symbol in _SYMBOLS:
            self._put(_SYMBOLS[symbol])

    def _word(self, word: bytes, number: int | None) -> None:
        starred, self._is_starred = self._is_starred, False
        if word in _SKIPPED or (starred and word not in _READ):
            self._flush()
            self._in_fonts = len(self._outer) if word == b"fonttbl" else self._in_fonts
            self._state = replace(self._state, is_skipped=True)
        elif word in _ASIDE:
            self._flush()
            self._pieces.append([])
            self._state = replace(self._state, aside=len(self._pieces) - 1)
        elif word == b"u" and number is not None:
            self._flush()
            self._put(chr(number % 0x10000))
            self._pending = self._state.skip
        elif word in _WORDS:
            self._put(_WORDS[word])
        else:
            self._setting(word, number)

    def _setting(self, word: bytes, number: int | None) -> None:
        if word == b"uc":
            self._state = replace(self._state, skip=min(max(number or 0, 0), _MOST_SKIPPED))
        elif word in _LOOKS:
            self._flush()
            self._state = _looking(self._state, word, number)
        elif word == b"ansicpg" and number:
            self._fonts.setdefault(-1, number)
            self._state = replace(self._state, page=number)
        elif word == b"f" and number is not None:
            self._flush()
            self._font = number
            default = self._fonts.get(-1, 1252)
            self._state = replace(self._state, page=self._fonts.get(number, default))
        elif word == b"fcharset" and self._in_fonts and number in _PAGES and number:
            self._fonts[self._font] = _PAGES[number]

    def _byte(self, data: bytes) -> None:
        passed = min(self._pending, len(data))
        self._pending -= passed
        self._bytes += data[passed:]

    def _put(self, text: str) -> None:
        self._flush()
        if self._state.is_seen:
            self._pieces[self._state.aside].append(text)

    def _flush(self) -> None:
        """Bytes are decoded together: a character may be written as two of them."""
        if self._bytes:
            data = bytes(self._bytes)
            self._bytes.clear()
            self._put(_decoded(data, self._state.page))


def _looking(state: _State, word: bytes, number: int | None) -> _State:
    if word == b"fs":
        return replace(state, is_tiny=number is not None and number <= _TINY_HALF_POINTS)
    if word == b"v":
        return replace(state, is_hidden=number != 0)
    if word == b"deleted":
        return replace(state, is_deleted=number != 0)
    return replace(state, is_hidden=False, is_deleted=False, is_tiny=False)


def _decoded(data: bytes, page: int) -> str:
    name = {65001: "utf-8", 10000: "mac_roman", 1361: "johab"}.get(page, f"cp{page}")
    try:
        return data.decode(name, errors="replace")
    except LookupError:
        return data.decode("cp1252", errors="replace")


def _joined(text: str) -> str:
    """Halves of characters beyond the first plane are put together."""
    return _SURROGATES.sub(
        lambda match: match[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
    )
