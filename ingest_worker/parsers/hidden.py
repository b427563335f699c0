"""What a page's author keeps from readers is kept from models too: it may hold instructions.

Decided by attributes and inline styles. Some of them end with the element that has them, others are
only inherited: in a hidden paragraph a word may be visible again.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from lxml import html
from PIL import ImageColor

_LEFT_OUT: Final = frozenset(
    {
        "script", "style", "template", "noscript", "noframes", "head", "title", "object", "embed",
        "iframe", "svg", "canvas", "audio", "video", "datalist", "annotation", "annotation-xml",
    }
)  # fmt: skip
_STYLE: Final = re.compile(r"([\w-]+)\s*:\s*([^;]+)")
_NOTHING: Final = re.compile(r"[+-]?(0+\.?0*|\.0+)(px|pt|em|rem|ex|ch|vw|vh|cm|mm|in|pc|%)?")
_FAR_AWAY: Final = re.compile(r"-\d{4,}(\.\d+)?(px|pt|em|rem|%)?|-\d{3,}(em|rem|%|vw|vh)")
_CLIPPED: Final = re.compile(r"rect\(([\s,]*[01](px)?){4}\s*\)")
_URL: Final = re.compile(r"url\(|gradient\(", re.IGNORECASE)
_ALIKE: Final = 24
"""Sum of the differences of red, green and blue, 0 to 765, that nobody can see."""
_SEEN_ALPHA: Final = 13
"""Of 255."""

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Look:
    """What text inherits."""

    colour: Colour | None = (0, 0, 0)
    """None is transparent."""
    background: Colour | None = (255, 255, 255)
    """None is a picture."""
    is_hidden: bool = False
    is_tiny: bool = False

    @property
    def is_seen(self) -> bool:
        if self.is_hidden or self.is_tiny or self.colour is None:
            return False
        if self.background is None:
            return True
        pairs = zip(self.colour, self.background, strict=True)
        return sum(abs(one - other) for one, other in pairs) > _ALIKE


def drop_hidden(root: html.HtmlElement) -> None:
    """Takes out of a tree what a browser wouldn't show."""
    waiting = [(root, _Look())]
    while waiting:
        element, inherited = waiting.pop()
        if not isinstance(element.tag, str) or _is_gone(element):
            _drop(element)
            continue
        look = _look(element, inherited)
        if not look.is_seen:
            element.text = None
            for child in element:
                child.tail = None
        waiting += [(child, look) for child in element]


def _drop(element: html.HtmlElement) -> None:
    if element.getparent() is None:
        element.clear()
        return
    # A word before and a word after what goes stay two words.
    element.tail = " " + (element.tail or "")
    element.drop_tree()


def _is_gone(element: html.HtmlElement) -> bool:
    """Whether nothing in an element is shown, whatever its own parts say."""
    if element.tag.lower() in _LEFT_OUT or "hidden" in element.attrib:
        return True
    if element.get("aria-hidden", "").strip().lower() == "true":
        return True
    if element.tag == "input" and element.get("type", "").lower() in {"hidden", "password"}:
        return True
    style = _style(element)
    is_boxed = "hidden" in style.get("overflow", "") and any(
        _NOTHING.fullmatch(style.get(side, "auto")) for side in ("height", "width", "max-height")
    )
    return (
        style.get("display") == "none"
        or style.get("mso-hide") == "all"
        or is_boxed
        or _NOTHING.fullmatch(style.get("opacity", "1")) is not None
        or _CLIPPED.fullmatch(style.get("clip", "")) is not None
        or any(_FAR_AWAY.fullmatch(style.get(side, "")) for side in ("left", "top", "text-indent"))
    )


def _look(element: html.HtmlElement, inherited: _Look) -> _Look:
    style = _style(element)
    look = inherited
    if visibility := style.get("visibility"):
        look = replace(look, is_hidden=visibility in {"hidden", "collapse"})
    if size := style.get("font-size"):
        look = replace(look, is_tiny=_NOTHING.fullmatch(size) is not None)
    background = style.get("background-color") or style.get("background") or element.get("bgcolor")
    if background:
        look = replace(look, background=_background(background, inherited.background))
    if colour := style.get("color") or element.get("color") or element.get("text"):
        look = replace(look, colour=_colour(colour, inherited.colour))
    return look


def _style(element: html.HtmlElement) -> dict[str, str]:
    found = _STYLE.findall(element.get("style", ""))
    return {name.lower(): value.lower().replace("!important", "").strip() for name, value in found}


def _background(text: str, behind: Colour | None) -> Colour | None:
    if _URL.search(text):
        return None
    for word in re.findall(r"\w+\([^)]*\)|\S+", text):
        if word == "transparent":
            return behind
        if (found := _parsed(word)) is not None:
            return found[:3] if found[3] > _SEEN_ALPHA else behind
    return behind


def _colour(text: str, inherited: Colour | None) -> Colour | None:
    if text == "transparent":
        return None
    found = _parsed(text)
    if found is None:
        return inherited
    return found[:3] if found[3] > _SEEN_ALPHA else None


def _parsed(text: str) -> tuple[int, int, int, int] | None:
    opaque = re.sub(r"rgba\(([^)]*?),\s*(0?\.\d+|[01](?:\.0*)?)\s*\)", _whole_alpha, text)
    try:
        red, green, blue, *alpha = ImageColor.getrgb(opaque)
    except ValueError:
        return None
    return red, green, blue, alpha[0] if alpha else 255


def _whole_alpha(match: re.Match[str]) -> str:
    """Style sheets write transparency from 0 to 1, the library wants it from 0 to 255."""
    return f"rgba({match[1]},{round(float(match[2]) * 255)})"
