"""Every dependency is pinned, hashed, and says why it is there."""

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
INPUTS = sorted(REQUIREMENTS.glob("*.in"), key=lambda path: path.stem)
NAME = re.compile(r"^([A-Za-z0-9_.-]+)")


def direct_dependencies(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path) -> dict[str, str]:
    """Blocks of the lock by normalised name."""
    blocks = re.split(r"\n(?=\S)", path.with_suffix(".txt").read_text().strip())
    return {normalised(block.partition("==")[0]): block for block in blocks}


OF_OTHERS = {"acceptance", "vllm"}
"""Programs of others, in an environment of their own."""


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
class TestRequirements:
    def test_say_why_each_dependency_is_there(self, path: Path) -> None:
        unexplained = [
            line for line in direct_dependencies(path) if not re.search(r"\s#\s\S", line)
        ]

        assert unexplained == []

    def test_lock_every_direct_dependency(self, path: Path) -> None:
        names = {
            normalised(found[0]) for found in map(NAME.match, direct_dependencies(path)) if found
        }

        assert names
        assert names <= set(locked(path))

    def test_carry_a_hash_for_every_package(self, path: Path) -> None:
        unhashed = [name for name, block in locked(path).items() if "--hash=sha256:" not in block]

        assert unhashed == []


@pytest.mark.parametrize(
    "path", [path for path in INPUTS if path.stem not in OF_OTHERS], ids=lambda path: path.stem
)
class TestRequirementsOfProcesses:
    def test_agree_with_the_versions_under_test(self, path: Path) -> None:
        pins = re.findall(r"^(\S+==[^\s;\\]+)", path.with_suffix(".txt").read_text(), re.MULTILINE)
        tested = (REQUIREMENTS / "dev.txt").read_text()

        assert [pin for pin in pins if f"{pin} " not in tested] == []
