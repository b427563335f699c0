"""What a sandboxed call may use, and how a child takes it upon itself."""

import contextlib
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatbot.sandbox import kernel

MEGABYTE: Final = 1024 * 1024

_CPU_GRACE_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class Limits:
    memory_bytes: int = 1024 * MEGABYTE
    """Address space above what the server has already."""
    cpu_seconds: int = 30
    wall_seconds: float = 60.0
    output_bytes: int = 32 * MEGABYTE
    """Of the answer as JSON. Files can't be written at all."""
    open_files: int = 64
    threads: int = 64
    """Only the address space bounds the threads of root, who has none of these limits."""


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when `parent`, which forked it, is gone."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def apply(limits: Limits) -> None:
    """Gives up writing of files and everything above the limits."""
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


def limit_threads(limits: Limits) -> None:
    """Only in a namespace of its own: elsewhere all processes of the user are counted."""
    resource.setrlimit(resource.RLIMIT_NPROC, (limits.threads, limits.threads))


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
