"""Sessions that are as nice as their leaders."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.child_processes import PROJECT

TELL = (
    "from chatbot.sandbox.niceness import share_by_niceness as share; share();"
    "from pathlib import Path; group = Path('/proc/self/autogroup');"
    "print(group.read_text().split()[-1] if group.exists() else 'none')"
)
AUTOGROUP = Path("/proc/self/autogroup")


class TestShareByNiceness:
    @pytest.mark.parametrize("is_leader", [True, False], ids=["leader", "member"])
    def test_makes_a_session_as_nice_as_its_leader(self, *, is_leader: bool) -> None:
        before = AUTOGROUP.read_text().split()[-1] if AUTOGROUP.exists() else "none"

        found = subprocess.run(
            ["nice", "-n", "7", sys.executable, "-c", TELL],
            start_new_session=is_leader,
            capture_output=True,
            cwd=PROJECT,
            check=True,
            text=True,
        )

        # A kernel that doesn't group has no such file, and niceness counts everywhere.
        expected = str(min(os.nice(0) + 7, 19)) if is_leader and before != "none" else before
        assert found.stdout.strip() == expected
