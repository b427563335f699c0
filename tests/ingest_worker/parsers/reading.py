"""Reads small files that a test makes, as the pipeline reads them: in the sandbox."""

from pathlib import Path

from chatbot.contracts.media_types import SAMPLE_BYTES, detect, directory_place
from ingest_worker.parsers.protocol import PageText
from ingest_worker.sandbox import open_file

UNKNOWN = "application/octet-stream"


def type_of(data: bytes, name: str) -> str:
    """What an upload of this name is taken for."""
    place = directory_place(data)
    directory = b"" if place is None else data[place : place + SAMPLE_BYTES]
    head, tail = data[:SAMPLE_BYTES], data[-SAMPLE_BYTES:]
    return detect(head=head, tail=tail, name=name, directory=directory) or UNKNOWN


def read_file(path: Path) -> list[PageText]:
    plan = open_file(path, type_of(path.read_bytes(), path.name), pages_limit=1000)
    return list(plan.pages)


def read_bytes(folder: Path, name: str, data: bytes) -> list[PageText]:
    path = folder / name
    path.write_bytes(data)
    return read_file(path)


def text_of(pages: list[PageText]) -> str:
    return "\n\n".join(page.text for page in pages)
