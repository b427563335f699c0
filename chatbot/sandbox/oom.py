"""How often the kernel has killed a process of this control group because memory ran out.

Both generations of control groups count it, and only for groups that have a limit of their own or
processes that were killed: where nothing is readable, nothing is ever counted.
Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, `memory.events`
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MOUNT: Final = Path("/sys/fs/cgroup")
_NAME: Final = "oom_kill"


def counter_file(*, membership: str, mount: Path = _MOUNT) -> Path | None:
    """The file that counts for this process; None: none is readable.

    Args:
        membership: the content of `/proc/self/cgroup`.
        mount: where the control groups are mounted.
    """
    return next((file for file in _candidates(membership, mount) if _count(file) is not None), None)


def own_counter_file() -> Path | None:
    """The file that counts for this process, now."""
    try:
        return counter_file(membership=Path("/proc/self/cgroup").read_text())
    except OSError:
        return None


def kills(file: Path | None) -> int:
    """How many until now; 0 where nobody counts."""
    return (_count(file) or 0) if file else 0


def _candidates(membership: str, mount: Path) -> Iterator[Path]:
    for line in membership.splitlines():
        hierarchy, controllers, path = line.split(":", 2)
        # In a container its own group may be mounted as the root, whatever the path says.
        if hierarchy == "0":
            yield from (mount / path.lstrip("/") / "memory.events", mount / "memory.events")
        elif "memory" in controllers.split(","):
            root = mount / "memory"
            yield from (root / path.lstrip("/") / "memory.oom_control", root / "memory.oom_control")


def _count(file: Path) -> int | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    words = (line.split() for line in lines)
    return next((int(word[1]) for word in words if len(word) == 2 and word[0] == _NAME), None)  # noqa: PLR2004
