"""What the supervisor knows about a process before it runs."""

import re
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Check = Callable[[], Awaitable[bool]]
"""Is the process ready? Asked again and again; an OSError or a time-out means not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One program of the stack. It is ready when its check says so, or its line was printed.

    A process with neither is ready when it has lived for a moment; one that runs once, when it has
    ended well.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    after: frozenset[str] = frozenset()
    """Names of processes that must be ready before this one starts, and that stop after it."""
    check: Check | None = None
    ready_line: re.Pattern[str] | None = None
    start_seconds: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 4.0
    nice: int = 0
    runs_once: bool = False
