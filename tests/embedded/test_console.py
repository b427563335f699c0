import io
import threading
from pathlib import Path

import pytest

from chatbot.embedded import console as console_module
from chatbot.embedded.console import Console


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Paused(io.StringIO):
    """Somebody pressed Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def write(self, text: str) -> int:
        self.goes_on.wait(10)
        return super().write(text)


class TestConsole:
    def test_puts_the_name_before_each_line(self, tmp_path: Path) -> None:
        terminal = io.StringIO()
        console = Console(terminal=terminal, logs=tmp_path, names=["web", "worker"])

        console.line("web", "hello")
        console.say("all is well")
        console.announce("ready: http://127.0.0.1:8080")
        console.close()

        assert terminal.getvalue().splitlines() == [
            "web       | hello",
            "brainstem | all is well",
            "ready: http://127.0.0.1:8080",
        ]

    def test_colours_names_on_a_terminal_only(self, tmp_path: Path) -> None:
        terminal = _Terminal()
        console = Console(terminal=terminal, logs=tmp_path, names=["web"])

        console.line("web", "hello")
        console.close()

        assert terminal.getvalue().startswith("\x1b[")
        assert "\x1b" not in (tmp_path / "web.log").read_text()

    def test_keeps_log_files_small(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(console_module, "LOG_BYTES", 1000)
        console = Console(terminal=io.StringIO(), logs=tmp_path, names=["web"])

        for number in range(200):
            console.line("web", f"line {number}")
        console.close()

        assert (tmp_path / "web.log").stat().st_size < 1100
        assert (tmp_path / "web.log.1").stat().st_size < 1100

    def test_is_not_held_up_by_a_paused_terminal(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(console_module, "WAITING_LINES", 10)
        terminal = _Paused()
        console = Console(terminal=terminal, logs=tmp_path, names=["web"])

        for number in range(100):
            console.line("web", f"line {number}")
        terminal.goes_on.set()
        console.line("web", "the last one")
        console.close()

        assert "lines are only in the log files" in terminal.getvalue()
        assert len((tmp_path / "web.log").read_text().splitlines()) == 101
