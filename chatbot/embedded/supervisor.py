"""Runs the whole stack: in order of dependency, until a signal, and leaves no process behind."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil

from chatbot.embedded.console import Console
from chatbot.embedded.keeper import Keeper
from chatbot.embedded.process import Process

STOP_SECONDS = 7.0
"""For stopping in order, however loaded the machine is; then what is left is killed."""
_REAP_AFTER_SECONDS = 0.2
"""Our own children are waited for by then; what is still a zombie was orphaned."""
_PR_SET_CHILD_SUBREAPER = 36
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    def __init__(
        self, processes: Sequence[Process], console: Console, *, on_ready: Callable[[], None]
    ) -> None:
        self._console = console
        self._on_ready = on_ready
        self._keepers = {process.name: Keeper(process, console) for process in processes}
        self._stop = asyncio.Event()
        self.is_stopping = False
        self._child_ended = asyncio.Event()
        self._strangers: set[int] = set()

    async def run(self) -> None:
        """Starts all, calls `on_ready` once, and returns when a signal has stopped all.

        Raises:
            StartRefused: a process could not be started; the others have been stopped.
        """
        _adopt_orphans()
        self._strangers = {child.pid for child in psutil.Process().children()}
        with self._signals():
            keeping = [
                keeper.begin(self._named(keeper.process.after)) for keeper in self._keepers.values()
            ]
            reaping = asyncio.create_task(self._reap_orphans())
            try:
                await self._until_stopped(keeping)
            finally:
                await self._stop_all()
                reaping.cancel()
                psutil.wait_procs(self._kill_descendants(), timeout=_REAP_AFTER_SECONDS)

    def stop(self) -> None:
        """What a signal does: the first call stops all in order, a second one at once."""
        self._stop.set()

    async def _until_stopped(self, keeping: list[asyncio.Task[None]]) -> None:
        stop = asyncio.create_task(self._stop.wait())
        readiness = asyncio.create_task(self._announce_ready())
        pending: set[asyncio.Task[None] | asyncio.Task[bool]] = {stop, *keeping}
        try:
            while stop in pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            stop.cancel()
            readiness.cancel()

    async def _announce_ready(self) -> None:
        while not all(keeper.ready.is_set() for keeper in self._keepers.values()):
            for keeper in self._keepers.values():
                await keeper.ready.wait()
        self._on_ready()

    async def _stop_all(self) -> None:
        """Stops each process after those that need it; a second signal, or time, kills the rest."""
        self._stop.clear()
        self.is_stopping = True
        self._console.say("stopping")
        stopping = asyncio.gather(
            *(keeper.stop(self._dependents(name)) for name, keeper in self._keepers.items())
        )
        hurry = asyncio.create_task(self._stop.wait())
        waiting: set[asyncio.Future[Any]] = {stopping, hurry}
        await asyncio.wait(waiting, timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            for keeper in self._keepers.values():
                keeper.kill()
            # Some are in groups of their own, and hold open what their keeper reads.
            self._kill_descendants()
            await stopping
        hurry.cancel()

    def _named(self, names: frozenset[str]) -> list[Keeper]:
        return [self._keepers[name] for name in names]

    def _dependents(self, name: str) -> list[Keeper]:
        return [keeper for keeper in self._keepers.values() if name in keeper.process.after]

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._child_ended.set)
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (*_STOP_SIGNALS, signal.SIGCHLD):
                loop.remove_signal_handler(number)

    async def _reap_orphans(self) -> None:
        """Grandchildren whose parent died are ours now, and stay zombies until we ask."""
        while await self._child_ended.wait():
            await asyncio.sleep(_REAP_AFTER_SECONDS)
            self._child_ended.clear()
            own = {keeper.pid for keeper in self._keepers.values()}
            for child in self._children():
                if child.pid not in own and child.status() == psutil.STATUS_ZOMBIE:
                    _reap(child.pid)

    def _kill_descendants(self) -> list[psutil.Process]:
        """Whatever left its process group, or was orphaned."""
        killed: list[psutil.Process] = []
        for child in self._children():
            with contextlib.suppress(psutil.NoSuchProcess):
                killed += [*child.children(recursive=True), child]
        for process in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return killed

    def _children(self) -> list[psutil.Process]:
        """Without those that were there before the run."""
        children = psutil.Process().children()
        return [child for child in children if child.pid not in self._strangers]


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _adopt_orphans() -> None:
    """Makes this process the parent of grandchildren whose parent dies, so that none gets lost."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
