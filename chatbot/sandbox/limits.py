"""What a sandboxed call may use, and how a child takes it upon itself."""

import contextlib
import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MEGABYTE: Final = 1024 * 1024

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_CPU_GRACE_SECONDS: Final = 2
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Limits:
    memory_bytes: int = 1024 * MEGABYTE
    """Address space above what the server has already."""
    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    output_bytes: int = 32 * MEGABYTE
    """Of the answer as JSON. Files can't be written at all."""
    open_files: int = 64


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when `parent`, which forked it, is gone."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def apply(limits: Limits) -> None:
    """Gives up privileges, network, writing of files and everything above the limits."""
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Where the kernel allows it: no readable file leads to a request to somebody else's server.
    _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    with contextlib.suppress(OSError):
        # If the machine runs out of memory, this process goes and not its worker.
        Path("/proc/self/oom_score_adj").write_text("1000")
    seconds = limits.cpu_seconds
    for name, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (resource.RLIMIT_CPU, seconds, seconds + _CPU_GRACE_SECONDS),
        (resource.RLIMIT_AS, *[_address_space() + limits.memory_bytes] * 2),
    ):
        resource.setrlimit(name, (soft, hard))


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
