"""Tiny programs for the supervisor to run, and what they leave behind to be looked at."""

import asyncio
import io
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from chatbot.embedded.console import Console
from chatbot.embedded.process import Process
from chatbot.embedded.supervisor import Supervisor

WAIT_SECONDS = 20.0
_PROGRAM = """
import os, signal, sys, time
name, diary = sys.argv[1], sys.argv[2]
def note(what):
    with open(diary, "a") as file:
        file.write(f"{name} {what}\\n")
def end(*_):
    note("stops")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
note(f"starts {os.getpid()}")
print("here I am", flush=True)
"""
WAITING = _PROGRAM + "\nwhile True: time.sleep(0.05)\n"
STUBBORN = _PROGRAM + (
    "\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(0.05)\n"
)
ENDING = _PROGRAM + "\nsys.exit(0)\n"
BREAKING = _PROGRAM + "\nprint('no luck today')\nsys.exit(3)\n"


class Diary:
    """What the children wrote: `(name, what)` in order."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "diary"

    @property
    def entries(self) -> list[tuple[str, str]]:
        return [(words[0], words[1]) for words in self._lines()]

    def pids(self, name: str) -> list[int]:
        return [int(words[2]) for words in self._lines() if words[:2] == [name, "starts"]]

    def _lines(self) -> list[list[str]]:
        if not self.path.exists():
            return []
        return [line.split() for line in self.path.read_text().splitlines()]

    def child(self, name: str, source: str = WAITING, **described: Any) -> Process:  # noqa: ANN401 - Process's own
        """A process that runs one of the programs of this module."""
        return Process(
            name=name,
            command=(sys.executable, "-c", source, name, str(self.path)),
            environment=dict(os.environ),
            **described,
        )


class Run:
    """A supervisor in a task of the test's loop."""

    def __init__(self, folder: Path, processes: Sequence[Process]) -> None:
        self.terminal = io.StringIO()
        (folder / "logs").mkdir(exist_ok=True)
        self._console = Console(
            terminal=self.terminal,
            logs=folder / "logs",
            names=[process.name for process in processes],
        )
        self.ready = asyncio.Event()
        self._supervisor = Supervisor(processes, self._console, on_ready=self.ready.set)
        self.task = asyncio.create_task(self._supervisor.run())

    async def until_ready(self) -> None:
        waiting = asyncio.create_task(self.ready.wait())
        await asyncio.wait(
            {waiting, self.task}, timeout=WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        assert self.ready.is_set(), self.output

    async def stop(self) -> float:
        """Stops as a signal does; the seconds that it took."""
        began = time.monotonic()
        self._supervisor.stop()
        await asyncio.wait_for(self.task, WAIT_SECONDS)
        return time.monotonic() - began

    @property
    def is_stopping(self) -> bool:
        """The signal was taken: it no longer waits to be seen."""
        return self._supervisor.is_stopping

    @property
    def output(self) -> str:
        self._console.close()
        return self.terminal.getvalue()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
