"""Threads of which the one that worked last works next."""

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import contextmanager

import pytest

from chat_service.latest_first import LatestFirst
from tests.child_processes import wait_until

SECONDS = 10


@pytest.fixture
def threads() -> LatestFirst:
    return LatestFirst(3, name="test")


def name() -> str:
    return threading.current_thread().name


@contextmanager
def busy(threads: LatestFirst, count: int) -> Iterator[list[Future[str]]]:
    """So many jobs run until the end."""
    over, begun = threading.Event(), threading.Barrier(count + 1)

    def job() -> str:
        begun.wait(SECONDS)
        over.wait(SECONDS)
        return name()

    jobs = [threads.submit(job) for _ in range(count)]
    begun.wait(SECONDS)
    try:
        yield jobs
    finally:
        over.set()
        wait(jobs, SECONDS)


def one_after_the_other(threads: LatestFirst, count: int) -> set[str]:
    """The names of those that did it."""
    names = set()
    for _ in range(count):
        # A thread is idle a moment after its job is done.
        wait_until(lambda: len(threads._idle) == 3, seconds=SECONDS, what="idle threads")
        names.add(threads.submit(name).result(SECONDS))
    return names


class TestLatestFirst:
    def test_goes_on_with_the_thread_that_worked_last(self, threads: LatestFirst) -> None:
        with busy(threads, 3) as jobs:
            pass

        names = {one.result(SECONDS) for one in jobs}
        assert len(names) == 3
        assert len(one_after_the_other(threads, 20)) == 1

    def test_has_so_many_threads_and_no_more(self, threads: LatestFirst) -> None:
        with busy(threads, 3):
            waiting = threads.submit(name)
            with pytest.raises(TimeoutError):
                waiting.result(0.05)

        assert waiting.result(SECONDS).startswith("test_")

    def test_takes_what_waits(self, threads: LatestFirst) -> None:
        done: list[int] = []
        with busy(threads, 3):
            jobs = [threads.submit(done.append, number) for number in range(5)]
        wait(jobs, SECONDS)

        assert set(done) == set(range(5))

    def test_hands_errors_over(self, threads: LatestFirst) -> None:
        def fail() -> None:
            raise LookupError("nothing")

        failed = threads.submit(fail)

        with pytest.raises(LookupError, match="nothing"):
            failed.result(SECONDS)
        assert threads.submit(name).result(SECONDS)

    def test_passes_over_what_was_given_up(self, threads: LatestFirst) -> None:
        done: list[str] = []
        with busy(threads, 3):
            given_up, kept = (threads.submit(done.append, one) for one in ("given up", "kept"))
            given_up.cancel()

        kept.result(SECONDS)
        assert done == ["kept"]
        with pytest.raises(CancelledError):
            given_up.result(SECONDS)
