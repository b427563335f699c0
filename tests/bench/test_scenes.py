"""Scenes of the chat benches at a small size: nothing may be wrong, however slow the machine."""

import json
import subprocess
import sys

import pytest

from tests.child_processes import PROJECT


@pytest.mark.slow
class TestScenes:
    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(
                ["chat_overload.py", "--seconds=5", "--flood=40", "--answer-seconds=0.5"],
                id="a flood beside people with one question",
            ),
            pytest.param(["chat_chaos.py", "stops", "--count=50"], id="stops at random moments"),
        ],
    )
    def test_leave_nothing_wrong(self, words: list[str]) -> None:
        bench = subprocess.run(
            [sys.executable, PROJECT / "bench" / words[0], *words[1:]],
            capture_output=True,
            text=True,
            timeout=110,
            check=True,
        )

        found = json.loads(bench.stdout.splitlines()[-1])
        assert (found["wrong"], found["first_wrong"]) == (0, "")
