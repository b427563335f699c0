"""Lines of all processes on one terminal, each with its process's name; and a log file for each.

The terminal is written by a thread behind a bounded queue: a paused terminal, or a closed pipe,
never holds up the processes. What the terminal misses is in the log files.
"""

import queue
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from django.utils import timezone

WAITING_LINES = 10_000
LOG_BYTES = 5 * 1024 * 1024
"""A log file that has grown beyond this is kept as `.1`, and a new one is begun."""
SUPERVISOR = "brainstem"
_FLUSH_SECONDS = 1.0
_COLOURS = (32, 33, 34, 35, 36, 92, 93, 94, 95, 96)


class Console:
    def __init__(self, *, terminal: TextIO, logs: Path, names: Iterable[str]) -> None:
        self._terminal = terminal
        self._coloured = terminal.isatty()
        self._width = max(map(len, [SUPERVISOR, *names]))
        self._logs = {name: _LogFile(logs / f"{name}.log") for name in [SUPERVISOR, *names]}
        self._waiting: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._missed = 0
        self._writer = threading.Thread(target=self._write_lines, name="console", daemon=True)
        self._writer.start()

    def line(self, name: str, text: str) -> None:
        """A line that a process printed."""
        self._logs[name].write(text)
        self._show(f"{self._prefix(name)} {text}")

    def say(self, text: str) -> None:
        """A line of the supervisor."""
        self.line(SUPERVISOR, text)

    def announce(self, text: str) -> None:
        """A line for people and scripts, without a name before it; it goes to no log file."""
        self._show(text)

    def close(self) -> None:
        """Writes what waits, for a moment at most: a paused terminal doesn't hold up the end."""
        try:
            self._waiting.put(None, timeout=_FLUSH_SECONDS)
        except queue.Full:
            return
        self._writer.join(_FLUSH_SECONDS)
        for log in self._logs.values():
            log.close()

    def _prefix(self, name: str) -> str:
        padded = f"{name:<{self._width}} |"
        if not self._coloured:
            return padded
        return f"\x1b[{_COLOURS[zlib.crc32(name.encode()) % len(_COLOURS)]}m{padded}\x1b[0m"

    def _show(self, text: str) -> None:
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._missed += 1

    def _write_lines(self) -> None:
        while (text := self._waiting.get()) is not None:
            missed, self._missed = self._missed, 0
            note = f"({missed} lines are only in the log files)\n" if missed else ""
            try:
                self._terminal.write(f"{note}{text}\n")
                if self._waiting.empty():
                    self._terminal.flush()
            except (OSError, ValueError):
                return


class _LogFile:
    """Lines with their time, in a file of bounded size. A full disk loses lines, not the stack."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._bytes = 0

    def write(self, text: str) -> None:
        line = f"{timezone.now():%Y-%m-%dT%H:%M:%S.%fZ} {text}\n"
        try:
            self._opened().write(line)
        except OSError:
            return
        self._bytes += len(line)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> TextIO:
        if self._file is not None and self._bytes > LOG_BYTES:
            self.close()
            self._path.replace(self._path.with_suffix(".log.1"))
        if self._file is None:
            self._file = self._path.open("a", buffering=1)
            self._bytes = self._path.stat().st_size
        return self._file
