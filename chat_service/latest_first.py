"""A few threads, of which the one that worked last works next.

Where little is to be done, that is always the same one: its database connection, and what the
database keeps for it, are still in the processor's caches. `ThreadPoolExecutor` goes round.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_Job = Callable[[], None]


class LatestFirst(Executor):
    """Threads are begun when they are needed first, and end with the process."""

    def __init__(self, threads: int, *, name: str) -> None:
        self._missing = threads
        self._name = name
        self._idle: list[SimpleQueue[_Job]] = []
        self._waiting: deque[_Job] = deque()
        self._choosing = threading.Lock()

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        job = partial(_run, future, partial(function, *args, **kwargs))
        with self._choosing:
            if self._idle:
                self._idle.pop().put(job)
            elif self._missing:
                self._missing -= 1
                threading.Thread(
                    target=self._work,
                    args=(job,),
                    name=f"{self._name}_{self._missing}",
                    daemon=True,
                ).start()
            else:
                self._waiting.append(job)
        return future

    def _work(self, job: _Job) -> None:
        own: SimpleQueue[_Job] = SimpleQueue()
        while True:
            job()
            with self._choosing:
                if self._waiting:
                    job = self._waiting.popleft()
                    continue
                self._idle.append(own)
            # What was done isn't kept alive until there is more to do.
            del job
            job = own.get()


def _run(future: "Future[T]", function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is waited for
        future.set_exception(error)
    else:
        future.set_result(result)
