"""Scenes of the benches at a small size: nothing may be wrong, however slow the machine."""

import json
import subprocess
import sys

import pytest

from tests.child_processes import PROJECT

FILES = str(PROJECT / "tests" / "data")


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestScenes:
    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(
                ["chat_overload.py", "--seconds=5", "--flood=40", "--answer-seconds=0.5"],
                id="a flood beside people with one question",
            ),
            pytest.param(["chat_chaos.py", "stops", "--count=50"], id="stops at random moments"),
            pytest.param(
                ["ingest_chaos.py", "kills", FILES, "--uploads=50", "--kills=10"],
                id="documents while everything is killed",
            ),
            pytest.param(
                ["ingest_chaos.py", "wipe", FILES, "--uploads=20"],
                id="documents while Valkey forgets everything",
            ),
            pytest.param(
                ["ingest_chaos.py", "outages", FILES, "--uploads=12", "--away-seconds=9"],
                id="documents while storage, models and PostgreSQL are away",
            ),
            pytest.param(
                ["ingest_chaos.py", "restarts", FILES, "--kills=5"],
                id="documents while Valkey is killed",
            ),
            pytest.param(
                ["ingest_chaos.py", "deletes", FILES, "--uploads=30", "--kills=5"],
                id="documents that are deleted while everything is killed",
            ),
        ],
    )
    def test_leave_nothing_wrong(self, words: list[str]) -> None:
        bench = subprocess.run(
            [sys.executable, PROJECT / "bench" / words[0], *words[1:]],
            capture_output=True,
            text=True,
            timeout=290,
            check=True,
        )

        found = json.loads(bench.stdout.splitlines()[-1])
        assert found["wrong"] == 0, bench.stdout
