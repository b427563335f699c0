"""Sessions that are as nice as their leaders."""

import os
import subprocess
import sys

import pytest

from tests.child_processes import PROJECT

TELL = """
from pathlib import Path
from chatbot.sandbox.niceness import share_by_niceness

# A kernel that doesn't group has no such file, and one that left this process in no group an empty
# one. There niceness counts everywhere.
file = Path("/proc/self/autogroup")
def grouped(): return (file.read_text().split() or ["none"])[-1] if file.exists() else "none"

print(grouped())
share_by_niceness()
print(grouped())
"""


class TestShareByNiceness:
    @pytest.mark.parametrize("is_leader", [True, False], ids=["leader", "member"])
    def test_makes_a_session_as_nice_as_its_leader(self, *, is_leader: bool) -> None:
        found = subprocess.run(
            ["nice", "-n", "7", sys.executable, "-c", TELL],
            start_new_session=is_leader,
            capture_output=True,
            cwd=PROJECT,
            check=True,
            text=True,
        )

        before, after = found.stdout.split()
        nicer = str(min(os.nice(0) + 7, 19))
        assert after == (nicer if is_leader and before != "none" else before)
