"""Parsers, run in a child process with limits: the functions that the pipeline calls."""

from functools import cache
from pathlib import Path
from typing import Any, Final

from chatbot.sandbox.client import Sandbox, as_expected
from chatbot.sandbox.limits import MEGABYTE, Limits
from ingest_worker.parsers.protocol import PageText, Plan

_LIMITS: Final = Limits(
    memory_bytes=1024 * MEGABYTE,
    cpu_seconds=40,
    wall_seconds=90.0,
    output_bytes=48 * MEGABYTE,
)


@cache
def _parsers() -> Sandbox:
    environment = {
        "DO_NOT_TRACK": "true",
        "UNSTRUCTURED_DISABLE_NOTICE": "1",
        # Threads don't survive a fork, and one file gets one core.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    return Sandbox("ingest_worker.parsers.child", environment=environment)


def start() -> list[str]:
    """Imports the parsers ahead of the first file; it takes two seconds.

    Returns which walls they lack on this machine.
    """
    return _parsers().start()


def open_file(path: Path, media_type: str, *, pages_limit: int) -> Plan:
    """How many pages a file has and, where that means reading it, the pages too.

    Raises:
        DocumentFault: with a code of `DOCUMENT_FAULTS`.
        Unavailable: the child was killed from outside; nothing is wrong with the document.
    """
    arguments = {"media_type": media_type, "pages_limit": pages_limit}
    plan = _parsers().call("open_file", arguments, _LIMITS, file=path)
    with as_expected():
        pages = tuple(_page(page) for page in plan["pages"])
        return Plan(plan["media_type"], tuple(plan["labels"]), pages)


def read_pages(path: Path, media_type: str, first: int, last: int) -> list[PageText]:
    """The text of the pages `first` to `last`, both included, from 1.

    Raises:
        DocumentFault: with a code of `DOCUMENT_FAULTS`.
        Unavailable: the child was killed from outside; nothing is wrong with the document.
    """
    arguments = {"media_type": media_type, "first": first, "last": last}
    pages = _parsers().call("read_pages", arguments, _LIMITS, file=path)
    with as_expected():
        return [_page(page) for page in pages]


def _page(fields: dict[str, Any]) -> PageText:
    return PageText(**{**fields, "boxes": tuple(map(tuple, fields["boxes"]))})
