"""Memory of a running stack: `python bench/memory.py [HOME]`.

Prints PSS (a page that n processes share counts a n-th for each) of every process of the stack,
with its children, and a JSON line. HOME is the folder of the stack; else .brainstem. Run it as the
user who runs the stack, or as root; leave the stack alone for a minute before to see it idle.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

MEGABYTE = 1024 * 1024
BARS = {"chat_service": 110, "chatbot": 150}
"""Megabytes that a process and its children may take when idle."""
_NAMES = {
    "postgres": "postgres",
    "valkey": "valkey-server",
    "chat_model": "chatbot.embedded.chat_model",
    "embedding_model": "chatbot.embedded.embedding_model",
    "chatbot": "chatbot.wsgi",
    "chat_service": "chat_service.asgi",
    "ocr_worker": "ocr_worker.app",
    "ingest_worker": "ingest_worker.app",
    "scheduler": "scheduler",
    "caddy": "caddy",
}
"""What the command line of a process holds."""


def main() -> None:
    home = Path(sys.argv[1] if len(sys.argv) > 1 else ".brainstem").absolute()
    supervisor = psutil.Process(supervisor_pid(home))
    rows = {"supervisor": megabytes([supervisor])}
    for name, root in roots(supervisor):
        rows[name] = megabytes([root, *root.children(recursive=True)])
    for name, taken in rows.items():
        bar = f"   bar {BARS[name]}" if name in BARS else ""
        print(f"{name:<16}{taken:>8.1f} MB{bar}")
    print(f"{'all':<16}{sum(rows.values()):>8.1f} MB")
    print(json.dumps({"pss_megabytes": {name: round(taken, 1) for name, taken in rows.items()}}))


def supervisor_pid(home: Path) -> int:
    """Whoever holds the lock of the home writes its process id there."""
    found = re.match(r"process (\d+)", (home / "lock").read_text())
    if found is None or not psutil.pid_exists(int(found[1])):
        sys.exit(f"No stack runs in {home}.")
    return int(found[1])


def roots(supervisor: psutil.Process) -> Iterator[tuple[str, psutil.Process]]:
    living = [one for one in supervisor.children() if one.status() != psutil.STATUS_ZOMBIE]
    for child in living:
        words = " ".join(child.cmdline())
        yield next((name for name, mark in _NAMES.items() if mark in words), child.name()), child


def megabytes(processes: list[psutil.Process]) -> float:
    return sum(process.memory_full_info().pss for process in processes) / MEGABYTE


if __name__ == "__main__":
    main()
