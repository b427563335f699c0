"""Local copies of files that stand in a storage elsewhere, kept for the next job on the same file.

Without them each job on a few pages would fetch the whole document again.
"""

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_FOLDER: Final = "brainstem-copies-"


@dataclass(slots=True)
class _Copy:
    path: Path
    users: int = 0
    is_whole: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class FileCopies:
    """The last `keep` files that were used, in this process's own temporary folder."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._copies: dict[str, _Copy] = {}
        self._folder: Path | None = None

    @contextlib.contextmanager
    def borrow(self, name: str, fetch: Callable[[Path], None]) -> Iterator[Path]:
        """A copy that stays while it is borrowed; `fetch` writes it if it isn't there."""
        copy = self._take(name)
        try:
            with copy.lock:
                if not copy.is_whole:
                    fetch(copy.path)
                    copy.is_whole = True
            yield copy.path
        finally:
            self._give_back(name, copy)

    def _take(self, name: str) -> _Copy:
        with self._lock:
            if self._folder is None:
                self._folder = _own_folder()
            path = self._folder / name.replace("/", "_")
            copy = self._copies.pop(name, None) or _Copy(path)
            self._copies[name] = copy
            copy.users += 1
            return copy

    def _give_back(self, name: str, copy: _Copy) -> None:
        with self._lock:
            copy.users -= 1
            if not copy.is_whole and copy.users == 0:
                self._drop(name)
            idle = [name for name, copy in self._copies.items() if copy.users == 0]
            for oldest in idle[: max(0, len(self._copies) - self._keep)]:
                self._drop(oldest)

    def _drop(self, name: str) -> None:
        self._copies.pop(name).path.unlink(missing_ok=True)


def _own_folder() -> Path:
    """An empty folder for this process; those of processes that were killed go."""
    parent = Path(tempfile.gettempdir())
    for folder in parent.glob(f"{_FOLDER}*"):
        process = Path("/proc", folder.name.removeprefix(_FOLDER))
        if process.name == str(os.getpid()) or not process.exists():
            shutil.rmtree(folder, ignore_errors=True)
    own = parent / f"{_FOLDER}{os.getpid()}"
    own.mkdir(mode=0o700)
    return own
