"""The rules of the house that no tool checks."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PROCESSES = ("chatbot", "chat_service", "ocr_worker", "ingest_worker", "web")
README_LINES = 40
READ = re.compile(r"os\.environ(?!\[[^\]]+\] = )|getenv\(")
"""Setting a variable for a library that is imported next is not reading."""


@pytest.mark.parametrize("process", PROCESSES)
class TestProcessFolder:
    def test_explains_itself_in_one_screen(self, process: str) -> None:
        lines = (PROJECT / process / "README.md").read_text().splitlines()

        assert 0 < len(lines) <= README_LINES


class TestEnvironment:
    def test_is_read_in_one_place(self) -> None:
        readers = {
            path.relative_to(PROJECT).as_posix()
            for process in ("chatbot", "chat_service", "ocr_worker", "ingest_worker")
            for path in (PROJECT / process).rglob("*.py")
            if READ.search(path.read_text())
        }

        assert readers >= {"chatbot/settings/env.py"}
        assert all(_may_read(reader) for reader in readers), readers


def _may_read(path: str) -> bool:
    """Settings, entry points that name their settings, and the supervisor that fills it."""
    entry_points = {
        "chatbot/wsgi.py",
        "chat_service/asgi.py",
        "ocr_worker/app.py",
        "ingest_worker/app.py",
        "chatbot/worker_guard.py",
    }
    return path in entry_points or path.startswith(("chatbot/settings/", "chatbot/embedded/"))
