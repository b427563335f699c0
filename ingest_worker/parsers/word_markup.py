"""Prepares the XML of Word documents: partitioners see only plain runs in plain paragraphs.

What is hidden goes, what they would pass over (insertions, form fields, formulas, text boxes,
notes, comments) is put where they look.
"""

from collections.abc import Iterator
from typing import Final

from docx.oxml import OxmlElement
from lxml import etree

from ingest_worker.parsers.trees import attribute, local

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_TRANSPARENT: Final = frozenset(
    {"ins", "moveTo", "smartTag", "customXml", "fldSimple", "sdt", "dir", "bdo"}
)
"""Elements that only stand around others."""
_GONE: Final = frozenset(
    {"del", "moveFrom", "Fallback", "sdtPr", "sdtEndPr", "smartTagPr", "customXmlPr", "instrText"}
)
_OFF: Final = frozenset({"0", "false", "off"})
_CHECKED: Final = frozenset({"", "1", "true", "on"})
_PAPER: Final = frozenset({"", "auto", "FFFFFF"})
_COLOURED: Final = frozenset({"txbxContent", "wsp", "shape"})
"""Shapes are filled in ways that are told elsewhere."""
_TINY_HALF_POINTS: Final = 2
_BEFORE: Final = {"den": "/", "sup": "^", "sub": "_", "deg": " root ", "e": " "}
"""What stands between the parts of a formula."""


def simplify(root: etree._Element, hidden: frozenset[str]) -> None:
    """Makes a body, header or footer one of plain paragraphs and tables.

    Args:
        root: is changed.
        hidden: the ids of styles that hide.
    """
    for element in _all(root, "sdt"):
        _check_box(element)
    for element in _all(root, "checkBox"):
        _old_check_box(element)
    for element in list(root.iter()):
        if local(element) in _GONE:
            _remove(element)
    _drop_hidden(root, hidden)
    _write_formulas(root)
    _unwrap(root)


def _drop_hidden(root: etree._Element, hidden: frozenset[str]) -> None:
    for drawing in _all(root, "docPr"):
        if attribute(drawing, "hidden") in _CHECKED and attribute(drawing, "hidden"):
            _remove(next(_above(drawing, "r"), drawing))
    for run in _all(root, "r"):
        if _is_hidden(run, hidden):
            _remove(run)


def _write_formulas(root: etree._Element) -> None:
    for formula in _all(root, "oMath"):
        _replace(formula, [text_run(_formula_text(formula))])
    for element in _all(root, "oMathPara"):
        _replace(element, list(element))


def _unwrap(root: etree._Element) -> None:
    """Innermost first, so that what comes out of one wrapper comes out of those around it too."""
    for element in reversed(list(root.iter())):
        if local(element) in _TRANSPARENT:
            content = next((part for part in element if local(part) == "sdtContent"), element)
            _replace(element, list(content))
    for box in reversed(_all(root, "txbxContent")):
        insert_after(box, list(box))


def hidden_styles(styles: etree._Element) -> frozenset[str]:
    """Ids of the styles that hide what has them."""
    return frozenset(
        attribute(style, "styleId")
        for style in styles.iter(f"{_W}style")
        if _is_on(style.find(f"{_W}rPr/{_W}vanish"))
    )


def text_run(text: str) -> etree._Element:
    """A run; line feeds become line breaks."""
    run = OxmlElement("w:r")
    for number, line in enumerate(text.split("\n")):
        if number:
            run.append(OxmlElement("w:br"))
        piece = OxmlElement("w:t")
        piece.text = line
        piece.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        run.append(piece)
    return run


def text_paragraph(text: str) -> etree._Element:
    """A paragraph of one run."""
    paragraph = OxmlElement("w:p")
    paragraph.append(text_run(text))
    return paragraph


def insert_after(element: etree._Element, blocks: list[etree._Element]) -> None:
    """Puts paragraphs and tables behind the outermost paragraph that an element stands in."""
    paragraph = next((above for above in element.iterancestors(f"{_W}p")), None)
    if paragraph is None:
        return
    for block in reversed(blocks):
        paragraph.addnext(block)


def plain_text(element: etree._Element, hidden: frozenset[str]) -> str:
    """The visible text of a note or comment."""
    for run in _all(element, "r"):
        if _is_hidden(run, hidden):
            _remove(run)
    paragraphs = ("".join(_pieces(paragraph)) for paragraph in element.iter(f"{_W}p"))
    return "\n".join(filter(None, (text.strip() for text in paragraphs)))


def _pieces(paragraph: etree._Element) -> Iterator[str]:
    for element in paragraph.iter():
        name = local(element)
        if name == "t":
            yield element.text or ""
        elif name in {"tab", "br", "cr"}:
            yield " "


def _all(root: etree._Element, name: str) -> list[etree._Element]:
    return [element for element in root.iter() if local(element) == name]


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _replace(element: etree._Element, others: list[etree._Element]) -> None:
    parent = element.getparent()
    if parent is None:
        return
    place = parent.index(element)
    parent.remove(element)
    for offset, other in enumerate(others):
        parent.insert(place + offset, other)


def _is_on(toggle: etree._Element | None) -> bool:
    return toggle is not None and attribute(toggle, "val").lower() not in _OFF


def _is_hidden(run: etree._Element, hidden: frozenset[str]) -> bool:
    properties = run.find(f"{_W}rPr")
    look = properties if properties is not None else run
    vanish = look.find(f"{_W}vanish")
    if vanish is not None:
        return _is_on(vanish)
    size = look.find(f"{_W}sz")
    if size is not None and _is_small(attribute(size, "val")):
        return True
    colour = look.find(f"{_W}color")
    if colour is not None and attribute(colour, "val").upper() == "FFFFFF" and _on_paper(run):
        return True
    styles = [look.find(f"{_W}rStyle"), *(p.find(f"{_W}pPr/{_W}pStyle") for p in _above(run, "p"))]
    return any(style is not None and attribute(style, "val") in hidden for style in styles)


def _is_small(half_points: str) -> bool:
    return half_points.isdecimal() and int(half_points) <= _TINY_HALF_POINTS


def _on_paper(run: etree._Element) -> bool:
    """Whether nothing says that there is a colour behind white letters."""
    for element in (run, *run.iterancestors()):
        name = local(element)
        is_styled_table = element.find(f"{_W}tblPr/{_W}tblStyle") is not None
        if name in _COLOURED or is_styled_table:
            return False
        look = element.find(f"{_W}{name}Pr")
        shades = [] if look is None else [*look.iter(f"{_W}shd"), *look.iter(f"{_W}highlight")]
        if any((attribute(one, "fill") or attribute(one, "val")) not in _PAPER for one in shades):
            return False
    return True


def _above(element: etree._Element, name: str) -> Iterator[etree._Element]:
    yield from element.iterancestors(f"{_W}{name}")


def _check_box(control: etree._Element) -> None:
    box = next((part for part in control.iter() if local(part) == "checkbox"), None)
    if box is None or next((part for part in control.iterdescendants(f"{_W}p")), None) is not None:
        return
    checked = next((part for part in box if local(part) == "checked"), None)
    is_checked = checked is not None and attribute(checked, "val") in _CHECKED
    _replace(control, [text_run("[x] " if is_checked else "[ ] ")])


def _old_check_box(box: etree._Element) -> None:
    state = box.find(f"{_W}checked")
    if state is None:
        state = box.find(f"{_W}default")
    run = next(_above(box, "r"), None)
    if run is not None:
        is_checked = state is not None and attribute(state, "val") in _CHECKED
        _replace(run, [text_run("[x] " if is_checked else "[ ] ")])


def _formula_text(element: etree._Element) -> str:
    """A formula on one line; parts of parts in brackets."""
    name = local(element)
    if name in {"t", "chr"}:
        return element.text or attribute(element, "val")
    text = "".join(map(_formula_text, element))
    if name in {"num", "den", "sup", "sub", "deg"} and len(text) > 1:
        text = f"({text})"
    return _BEFORE.get(name, "") + text
