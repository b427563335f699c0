"""Charts and diagrams of office files: titles, and the figures that the file keeps with them."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from lxml import etree

from ingest_worker.parsers.trees import local

_POINTS: Final = 2000


def chart_rows(chart: etree._Element) -> tuple[str, list[list[str]]]:
    """The title of a chart, and its figures: a row for each category, a column for each series."""
    title = next((element for element in chart.iter() if local(element) == "title"), None)
    series = [element for element in chart.iter() if local(element) == "ser"]
    names = ["".join(_values(one, "tx")) for one in series]
    figures = [list(_values(one, "val")) or list(_values(one, "yVal")) for one in series]
    categories: list[str] = []
    for one in series:
        categories = categories or list(_values(one, "cat")) or list(_values(one, "xVal"))
    rows = [list(row) for row in zip_longest(categories, *figures, fillvalue="")]
    head = ["", *names]
    return _text(title), [head, *rows] if any(names) or rows else []


def diagram_lines(data: etree._Element) -> list[str]:
    """The texts of a diagram, in the order of its points."""
    points = (element for element in data.iter() if local(element) == "pt")
    return [text for text in map(_text, points) if text]


def _values(series: etree._Element, name: str) -> Iterator[str]:
    part = next((element for element in series if local(element) == name), None)
    if part is None:
        return
    points: dict[int, str] = {}
    for element in part.iter():
        if local(element) == "pt":
            index = str(element.get("idx", ""))
            value = next((child.text for child in element if local(child) == "v"), "")
            points[int(index) if index.isdecimal() else len(points)] = value or ""
    for place in range(min(max(points, default=-1) + 1, _POINTS)):
        yield points.get(place, "")


def _text(element: etree._Element | None) -> str:
    if element is None:
        return ""
    found = (part.text or "" for part in element.iter() if local(part) in {"t", "v"})
    return " ".join("".join(found).split())
