"""The supervisor, with real child processes."""

import gc
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatbot.embedded import supervisor
from chatbot.embedded.errors import StartRefused
from tests.embedded.children import (
    BREAKING,
    ENDING,
    STUBBORN,
    Diary,
    Run,
    is_alive,
    until,
)

PROJECT = Path(__file__).resolve().parents[2]
AT_ONCE_SECONDS = 5
"""On a machine that is busy; what must not be waited for takes longer."""


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path)


class TestStart:
    async def test_waits_for_what_a_process_needs(self, tmp_path: Path, diary: Diary) -> None:
        processes = [
            diary.child("front", after=frozenset({"middle"})),
            diary.child("middle", after=frozenset({"store", "once"})),
            diary.child("once", ENDING, after=frozenset({"store"}), runs_once=True),
            diary.child("store", ready_line=re.compile("here I am")),
        ]

        run = Run(tmp_path, processes)
        await run.until_ready()
        await until(lambda: len(diary.entries) == 4)
        await run.stop()

        started = [name for name, what in diary.entries if what == "starts"]
        assert started == ["store", "once", "middle", "front"]

    async def test_is_ready_only_when_every_check_agrees(
        self, tmp_path: Path, diary: Diary
    ) -> None:
        answers = iter([False, False, True])

        async def check() -> bool:
            return next(answers)

        run = Run(tmp_path, [diary.child("slow", check=check)])
        await run.until_ready()
        await run.stop()

        assert list(answers) == []

    async def test_gives_up_with_the_last_lines_of_what_breaks(
        self, tmp_path: Path, diary: Diary
    ) -> None:
        processes = [
            diary.child("store"),
            diary.child("once", BREAKING, after=frozenset({"store"}), runs_once=True),
        ]

        run = Run(tmp_path, processes)
        with pytest.raises(StartRefused) as refusal:
            await run.task

        assert "once failed: it ended with code 3" in str(refusal.value)
        assert "no luck today" in str(refusal.value)
        assert ("store", "stops") in diary.entries

    async def test_gives_up_on_a_process_that_is_never_ready(
        self, tmp_path: Path, diary: Diary
    ) -> None:
        async def check() -> bool:
            return False

        run = Run(tmp_path, [diary.child("silent", check=check, start_seconds=0.1)])
        with pytest.raises(StartRefused, match="silent did not start"):
            await run.task

        assert not any(map(is_alive, diary.pids("silent")))

    async def test_says_which_program_is_missing(self, tmp_path: Path, diary: Diary) -> None:
        described = diary.child("absent", nice=1)
        object.__setattr__(described, "command", ("/no/such/program",))

        run = Run(tmp_path, [described])
        with pytest.raises(StartRefused, match="absent did not start"):
            await run.task

    async def test_runs_background_work_at_its_priority(self, tmp_path: Path, diary: Diary) -> None:
        run = Run(tmp_path, [diary.child("worker", nice=15)])
        await run.until_ready()
        await until(lambda: bool(diary.entries))

        niceness = os.getpriority(os.PRIO_PROCESS, diary.pids("worker")[0])

        await run.stop()
        assert niceness >= 15


class TestRestart:
    async def test_brings_a_killed_process_back_at_once(self, tmp_path: Path, diary: Diary) -> None:
        run = Run(tmp_path, [diary.child("worker", ready_line=re.compile("here I am"))])
        await run.until_ready()

        began = time.monotonic()
        os.kill(diary.pids("worker")[0], signal.SIGKILL)
        await until(lambda: len(diary.pids("worker")) == 2)
        taken = time.monotonic() - began
        await run.stop()

        assert taken < AT_ONCE_SECONDS
        assert "worker was ended by SIGKILL; again in 0.2 s" in run.output

    async def test_waits_longer_after_each_death(self, tmp_path: Path, diary: Diary) -> None:
        run = Run(tmp_path, [diary.child("worker", ENDING)])

        await until(lambda: len(diary.pids("worker")) == 3)
        await run.stop()

        delays = re.findall(r"again in ([0-9.]+) s", run.output)
        assert delays[:2] == ["0.2", "0.4"]

    async def test_leaves_the_others_running(self, tmp_path: Path, diary: Diary) -> None:
        run = Run(tmp_path, [diary.child("store"), diary.child("user", after=frozenset({"store"}))])
        await run.until_ready()
        await until(lambda: len(diary.entries) == 2)

        os.kill(diary.pids("store")[0], signal.SIGKILL)
        await until(lambda: len(diary.pids("store")) == 2)
        await run.stop()

        assert len(diary.pids("user")) == 1


class TestStop:
    async def test_goes_the_other_way_round(self, tmp_path: Path, diary: Diary) -> None:
        processes = [
            diary.child("store"),
            diary.child("middle", after=frozenset({"store"})),
            diary.child("front", after=frozenset({"middle"})),
        ]
        run = Run(tmp_path, processes)
        await run.until_ready()
        await until(lambda: len(diary.entries) == 3)

        await run.stop()

        stopped = [name for name, what in diary.entries if what == "stops"]
        assert stopped == ["front", "middle", "store"]

    async def test_kills_what_does_not_stop(self, tmp_path: Path, diary: Diary) -> None:
        run = Run(tmp_path, [diary.child("stubborn", STUBBORN, stop_seconds=0.3)])
        await run.until_ready()
        await until(lambda: bool(diary.entries))

        taken = await run.stop()

        assert taken < AT_ONCE_SECONDS
        assert not is_alive(diary.pids("stubborn")[0])
        assert "stubborn did not stop in time: killed" in run.output

    async def test_does_not_wait_when_asked_twice(self, tmp_path: Path, diary: Diary) -> None:
        run = Run(tmp_path, [diary.child("stubborn", STUBBORN, stop_seconds=30)])
        await run.until_ready()
        await until(lambda: bool(diary.entries))

        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: run.is_stopping)
        taken = await run.stop()

        assert taken < AT_ONCE_SECONDS

    async def test_has_one_limit_for_all(
        self, tmp_path: Path, diary: Diary, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
        processes = [
            diary.child("store", STUBBORN, stop_seconds=30),
            diary.child("user", STUBBORN, after=frozenset({"store"}), stop_seconds=30),
        ]
        run = Run(tmp_path, processes)
        await run.until_ready()
        await until(lambda: len(diary.entries) == 2)

        taken = await run.stop()

        assert taken < AT_ONCE_SECONDS
        assert not any(map(is_alive, [*diary.pids("store"), *diary.pids("user")]))

    async def test_works_before_everything_has_started(
        self, tmp_path: Path, diary: Diary, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def check() -> bool:
            return False

        processes = [
            diary.child("store", check=check),
            diary.child("user", after=frozenset({"store"})),
        ]
        run = Run(tmp_path, processes)
        await until(lambda: bool(diary.entries))

        await run.stop()

        gc.collect()
        assert diary.entries == [("store", "starts"), ("store", "stops")]
        assert caplog.text == ""

    async def test_leaves_no_grandchild_behind(self, tmp_path: Path, diary: Diary) -> None:
        source = (
            "import subprocess, sys, time\n"
            "sleeper = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
            "open(sys.argv[2], 'a').write(f'{sys.argv[1]} starts {sleeper.pid}\\n')\n"
            "time.sleep(60)\n"
        )
        run = Run(tmp_path, [diary.child("parent", source)])
        await run.until_ready()
        await until(lambda: bool(diary.entries))

        await run.stop()

        assert not is_alive(diary.pids("parent")[0])


class TestDeathOfTheSupervisor:
    def test_takes_every_process_along(self, tmp_path: Path, diary: Diary) -> None:
        source = (
            "import asyncio, pathlib\n"
            "from tests.embedded.children import Diary, Run\n"
            f"folder = pathlib.Path({str(tmp_path)!r})\n"
            "diary = Diary(folder)\n"
            "async def main():\n"
            "    await Run(folder, [diary.child('one'), diary.child('two', nice=5)]).task\n"
            "asyncio.run(main())\n"
        )
        watched = subprocess.Popen([sys.executable, "-c", source], cwd=PROJECT)
        deadline = time.monotonic() + 60
        while len(diary.entries) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)

        watched.kill()
        watched.wait()

        pids = [*diary.pids("one"), *diary.pids("two")]
        while any(map(is_alive, pids)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(pids) == 2
        assert not any(map(is_alive, pids))
