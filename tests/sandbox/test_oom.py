from pathlib import Path

import pytest

from chatbot.sandbox import oom


class TestCounterFile:
    @pytest.mark.parametrize(
        ("membership", "place"),
        [
            pytest.param("0::/workers/one\n", "workers/one/memory.events", id="second-generation"),
            pytest.param("0::/not/mounted\n", "memory.events", id="container"),
            pytest.param(
                "9:pids:/x\n4:cpu,memory:/one\n0::/\n", "memory/one/memory.oom_control", id="first"
            ),
        ],
    )
    def test_is_found_where_the_kernel_counts(
        self, tmp_path: Path, membership: str, place: str
    ) -> None:
        counter = tmp_path / place
        counter.parent.mkdir(parents=True, exist_ok=True)
        counter.write_text("low 0\noom 4\noom_kill 3\noom_group_kill 0\n")

        found = oom.counter_file(membership=membership, mount=tmp_path)

        assert found == counter
        assert oom.kills(found) == 3

    def test_is_missing_where_nobody_counts(self, tmp_path: Path) -> None:
        assert oom.counter_file(membership="0::/one\n", mount=tmp_path) is None
        assert oom.kills(None) == 0
