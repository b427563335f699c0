"""What somebody who has taken over a reader tries; imported by the sandbox's server in the tests.

Each function returns normally if its escape worked, and raises OSError if the kernel refused it.
"""

import ctypes
import os
import resource
import signal
import socket
import threading
import time
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_MOUNT_NUMBERS = {"x86_64": 165, "aarch64": 40}
_PTRACE_NUMBERS = {"x86_64": 101, "aarch64": 117}
_PTRACE_ATTACH = 16
_SHM_CREATE = 0o1600


def read_own(*, path: str) -> str:
    return Path(path).read_text()


def read(*, other: str, path: str = "") -> int:
    return len(Path(other or path).read_bytes())


def list_folder(*, other: str) -> list[str]:
    return [str(entry) for entry in Path(other).iterdir()]


def create(*, other: str) -> None:
    os.close(os.open(other, os.O_WRONLY | os.O_CREAT))


def make_folder(*, other: str) -> None:
    Path(other).mkdir()


def change_mode(*, other: str) -> None:
    Path(other).chmod(0o777)


def remove(*, other: str) -> None:
    Path(other).unlink()


def connect_tcp(*, port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=2).close()


def connect_unix(*, address: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(address.replace("@", "\x00"))


def execute() -> None:
    os.execv("/bin/true", ["true"])  # noqa: S606 - what is tried


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def kill_parent() -> None:
    os.kill(os.getppid(), signal.SIGKILL)


def kill_everybody() -> None:
    os.kill(-1, signal.SIGTERM)


def limit_parent() -> None:
    resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (1, 1))


def share_memory() -> None:
    _check(_libc.shmget(0, 4096, _SHM_CREATE))


def attach_to_parent() -> None:
    _check(_libc.syscall(_PTRACE_NUMBERS[os.uname().machine], _PTRACE_ATTACH, os.getppid(), 0, 0))


def mount() -> None:
    _check(_libc.syscall(_MOUNT_NUMBERS[os.uname().machine], b"none", b"/mnt", b"tmpfs", 0, None))


def bomb_of_forks() -> None:
    while True:
        os.fork()


def bomb_of_threads() -> None:
    while True:
        threading.Thread(target=time.sleep, args=[60], daemon=True).start()


def bomb_of_descriptors() -> None:
    while True:
        os.dup(1)


def burn_on() -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass


def talk_of_strange_faults() -> None:
    os.write(3, b'{"fault": ["file-broken"], "unavailable": 1}')
    os._exit(0)


def talk_nonsense() -> None:
    os.write(3, b"[" * 100_000)
    os._exit(0)


def talk_of_another_answer() -> None:
    os.write(3, b'"result"\n{"result": 1}\n')
    os._exit(0)


def start_thread() -> bool:
    thread = threading.Thread(target=time.sleep, args=[0])
    thread.start()
    thread.join()
    return True


def wait_and_be_killed() -> None:
    time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _check(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _tried(name: str) -> object:
    """The function, which says whether it worked."""

    def attempt(**arguments: object) -> bool:
        try:
            globals()[name](**arguments)
        except OSError:
            return False
        return True

    return attempt


_ATTEMPTS = (
    *("read", "list_folder", "create", "make_folder", "change_mode", "remove", "connect_tcp"),
    *("connect_unix", "execute", "fork", "kill_parent", "kill_everybody", "limit_parent"),
    *("share_memory", "attach_to_parent", "mount"),
)
FUNCTIONS = {
    **{name: _tried(name) for name in _ATTEMPTS},
    **{
        function.__name__: function
        for function in (
            read_own,
            bomb_of_forks,
            bomb_of_threads,
            bomb_of_descriptors,
            burn_on,
            talk_nonsense,
            talk_of_strange_faults,
            talk_of_another_answer,
            start_thread,
            wait_and_be_killed,
        )
    },
}
