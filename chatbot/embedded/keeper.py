"""Keeps one process running: starts it, waits until it is ready, restarts it, stops it.

The child leads its own session, so that Ctrl-C reaches only the supervisor and that nothing of its
group stays behind; and it is killed by the kernel when the supervisor dies (PDEATHSIG).
"""

import asyncio
import contextlib
import os
import shutil
import signal
from collections import deque
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from chatbot.embedded.console import Console
from chatbot.embedded.errors import StartRefused
from chatbot.embedded.process import Process

PROJECT = Path(__file__).resolve().parents[2]
FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 10.0
HEALTHY_SECONDS = 60.0
"""After so long a life a death is news, and the delays begin again."""
START_ATTEMPTS = 6
"""Deaths before a process was ever ready: then the start is given up."""
LAST_LINES = 15
_CHECK_EACH_SECONDS = 0.1
_UNCHECKED_SECONDS = 0.3
"""A process without a check is ready when it has lived so long."""
_READ_BYTES = 65_536
_LINE_BYTES = 16_384
_DRAIN_SECONDS = 1.0


class Keeper:
    """One process of the stack, over all its lives."""

    def __init__(self, process: Process, console: Console) -> None:
        self.process = process
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self._console = console
        self._stopping = asyncio.Event()
        self._seen_line = asyncio.Event()
        self._child: asyncio.subprocess.Process | None = None
        self._was_ready = False
        self._deaths = 0
        self._delay = FIRST_DELAY_SECONDS
        self._last_lines: deque[str] = deque(maxlen=LAST_LINES)

    @property
    def pid(self) -> int | None:
        """Process id while a child runs."""
        return self._child.pid if self._child and self._child.returncode is None else None

    def begin(self, dependencies: Iterable["Keeper"]) -> asyncio.Task[None]:
        """Keeps the process in a task; `ended` is set however that ends."""
        keeping = asyncio.create_task(self._keep(dependencies))
        keeping.add_done_callback(lambda _: self.ended.set())
        return keeping

    async def _keep(self, dependencies: Iterable["Keeper"]) -> None:
        """Runs the process until `stop`, from when its dependencies are ready.

        Raises:
            StartRefused: it ended, or wasn't ready in time, before it was ever ready.
        """
        await self._unless_stopping(*(other.ready.wait() for other in dependencies))
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            code = await self._live()
            if self._is_done(code):
                return
            if asyncio.get_running_loop().time() - began > HEALTHY_SECONDS:
                self._delay = FIRST_DELAY_SECONDS
            await self._wait_before_restart(code)

    async def stop(self, dependents: Iterable["Keeper"]) -> None:
        """Ends the process after those that need it; SIGKILL when its time is up."""
        for other in dependents:
            await other.ended.wait()
        self._stopping.set()
        if self._child is not None and self.pid is not None:
            self._signal(self.process.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), self.process.stop_seconds)
            self.kill()
        await self.ended.wait()

    def kill(self) -> None:
        """Kills the child and its group at once, for good."""
        self._stopping.set()
        if self.pid is not None:
            self._console.say(f"{self.process.name} did not stop in time: killed")
            _kill_group(self.pid)

    async def _live(self) -> int:
        """One life, from start to end; returns the exit code."""
        self._seen_line.clear()
        output, end_for_child = os.pipe()
        try:
            self._child = child = await self._start(end_for_child)
        except OSError as error:
            os.close(output)
            raise StartRefused(f"{self.process.name} can't be started: {error}.") from error
        finally:
            os.close(end_for_child)
        if self._stopping.is_set():
            self._signal(self.process.stop_signal)
        reading = asyncio.create_task(self._read(output))
        becoming_ready = asyncio.create_task(self._become_ready(child))
        try:
            code = await child.wait()
        finally:
            self.ready.clear()
            becoming_ready.cancel()
            _kill_group(child.pid)
            await asyncio.wait([reading], timeout=_DRAIN_SECONDS)
            reading.cancel()
        return code

    async def _start(self, output: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *_wrapped(self.process),
            cwd=PROJECT,
            env=self.process.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )

    async def _become_ready(self, child: asyncio.subprocess.Process) -> None:
        began = asyncio.get_running_loop().time()
        while not await self._is_ready():
            if asyncio.get_running_loop().time() - began > self.process.start_seconds:
                self._last_lines.append(f"(not ready after {self.process.start_seconds:.0f} s)")
                _kill_group(child.pid)
                return
            await asyncio.sleep(_CHECK_EACH_SECONDS)
        if self._was_ready:
            taken = asyncio.get_running_loop().time() - began
            self._console.say(f"{self.process.name} is back after {taken:.1f} s")
        self._was_ready = True
        self.ready.set()

    async def _is_ready(self) -> bool:
        if self.process.runs_once:
            return False
        if self.process.ready_line is not None:
            return self._seen_line.is_set()
        if self.process.check is None:
            await asyncio.sleep(_UNCHECKED_SECONDS)
            return True
        try:
            return await self.process.check()
        except OSError:
            return False

    def _is_done(self, code: int) -> bool:
        if self._stopping.is_set():
            return True
        if self.process.runs_once and code == 0:
            self.ready.set()
            return True
        self._deaths += 1
        if not self._was_ready and (self.process.runs_once or self._deaths >= START_ATTEMPTS):
            outcome = "failed" if self.process.runs_once else "did not start"
            raise StartRefused(
                f"{self.process.name} {outcome}: it {_ended(code)}. Its last lines:",
                lines=[f"    {line}" for line in self._last_lines],
            )
        return False

    async def _wait_before_restart(self, code: int) -> None:
        self._console.say(f"{self.process.name} {_ended(code)}; again in {self._delay:.1f} s")
        await self._unless_stopping(asyncio.sleep(self._delay))
        self._delay = min(self._delay * 2, LONGEST_DELAY_SECONDS)

    async def _unless_stopping(self, *waits: Coroutine[Any, Any, object]) -> None:
        """Waits for all, or for `stop`, whichever is first."""
        stopping = asyncio.create_task(self._stopping.wait())
        everything = asyncio.create_task(_all(waits))
        try:
            waiting: set[asyncio.Future[Any]] = {stopping, everything}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            everything.cancel()

    async def _read(self, output: int) -> None:
        """Hands the child's output on, line by line; a line without end is cut."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", buffering=0)
        )
        rest = b""
        try:
            while chunk := await reader.read(_READ_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                if len(rest) > _LINE_BYTES:
                    lines, rest = [*lines, rest], b""
                for line in lines:
                    self._take_line(line.decode(errors="replace").rstrip("\r"))
            if rest:
                self._take_line(rest.decode(errors="replace"))
        finally:
            # A grandchild may hold the other end open for longer than anybody wants to read.
            transport.close()

    def _take_line(self, line: str) -> None:
        self._last_lines.append(line)
        self._console.line(self.process.name, line)
        pattern = self.process.ready_line
        if pattern is not None and pattern.search(line):
            self._seen_line.set()

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


async def _all(waits: Iterable[Coroutine[Any, Any, object]]) -> None:
    """As a task: a bare gather that is cancelled complains that nobody asked for its outcome."""
    await asyncio.gather(*waits)


def _wrapped(process: Process) -> list[str]:
    """The command, to be killed when the supervisor dies, at its priority."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StartRefused("setpriv is missing.", way_out="Install it: apt-get install util-linux")
    nice = ["nice", "-n", str(process.nice)] if process.nice else []
    return [setpriv, "--pdeathsig", "KILL", *nice, *process.command]


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    return f"was ended by {signal.Signals(-code).name}"
