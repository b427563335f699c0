"""Escapes from within a child, against all walls and against each one alone."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.contracts.errors import DocumentFault
from chatbot.sandbox import landlock
from chatbot.sandbox.client import Sandbox
from chatbot.sandbox.limits import Limits
from chatbot.sandbox.walls import Wall, missing_walls

LIMITS = Limits(cpu_seconds=20, wall_seconds=60.0, output_bytes=1 << 20)
MODULE = "tests.sandbox.escapes"

pytestmark = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(MODULE)
    yield sandbox
    sandbox.close()


@pytest.fixture
def alone(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox with the one wall that the test names, or with none."""
    sandbox = Sandbox(MODULE, walls=[request.param] if request.param else [])
    yield sandbox
    sandbox.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("of somebody else")
    return path


class TestAllWalls:
    def test_stand_where_the_kernel_is_not_told_otherwise(self) -> None:
        # Some distributions leave namespaces to root.
        assert missing_walls().keys() <= {Wall.NAMESPACES}

    def test_let_the_one_file_be_read(self, sandbox: Sandbox, secret: Path) -> None:
        assert sandbox.call("read_own", {}, LIMITS, file=secret) == "of somebody else"

    def test_hide_every_other_file(self, sandbox: Sandbox, secret: Path, tmp_path: Path) -> None:
        own = tmp_path / "own"
        own.write_text("mine")

        others = [secret, "/etc/shadow", "/etc/passwd", f"/proc/{os.getpid()}/environ"]
        seen = [sandbox.call("read", {"other": str(o)}, LIMITS, file=own) for o in others]

        assert seen == [False] * 4

    @pytest.mark.parametrize("folder", ["/", "/proc", "/tmp", "/home"])  # noqa: S108
    def test_hide_folders(self, sandbox: Sandbox, folder: str) -> None:
        assert sandbox.call("list_folder", {"other": folder}, LIMITS) is False

    @pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/var/tmp"])  # noqa: S108
    def test_let_nothing_be_made(self, sandbox: Sandbox, folder: str) -> None:
        target = Path(folder) / f"escaped-{os.getpid()}"

        made = [sandbox.call(what, {"other": str(target)}, LIMITS) for what in CREATIONS]

        assert made == [False, False]
        assert not target.exists()

    @pytest.mark.parametrize("change", ["change_mode", "remove"])
    def test_let_nothing_be_changed(self, sandbox: Sandbox, secret: Path, change: str) -> None:
        mode = secret.stat().st_mode

        changed = sandbox.call(change, {"other": str(secret)}, LIMITS)

        assert changed is False
        assert secret.stat().st_mode == mode

    def test_let_no_connection_be_made(self, sandbox: Sandbox, tmp_path: Path) -> None:
        assert _connections(sandbox, tmp_path) == [False, False, False]

    @pytest.mark.parametrize(
        "escape",
        [
            "execute",
            "fork",
            "kill_parent",
            "kill_everybody",
            "limit_parent",
            "share_memory",
        ],
    )
    def test_refuse_what_touches_others(self, sandbox: Sandbox, escape: str) -> None:
        assert sandbox.call(escape, {}, LIMITS) is False

    def test_leave_threads_to_libraries(self, sandbox: Sandbox) -> None:
        assert sandbox.call("start_thread", {}, LIMITS) is True

    @pytest.mark.parametrize(
        ("escape", "code"),
        [
            pytest.param("attach_to_parent", "parser-stopped", id="debugger"),
            pytest.param("mount", "parser-stopped", id="mount"),
            pytest.param("bomb_of_forks", "parser-crashed", id="forks"),
            pytest.param("bomb_of_threads", "parser-crashed", id="threads"),
            pytest.param("bomb_of_descriptors", "parser-crashed", id="descriptors"),
            pytest.param("burn_on", "too-much-cpu", id="time-limit-ignored"),
            pytest.param("talk_of_strange_faults", "file-broken", id="strange-faults"),
            pytest.param("talk_nonsense", "parser-crashed", id="nonsense"),
            pytest.param("talk_of_another_answer", "parser-crashed", id="two-answers"),
        ],
    )
    def test_end_in_a_code(self, sandbox: Sandbox, escape: str, code: str) -> None:
        with pytest.raises(DocumentFault) as raised:
            sandbox.call(escape, {}, replace(LIMITS, memory_bytes=256 << 20, cpu_seconds=1))

        assert raised.value.error_code == code

    def test_cost_milliseconds(self, sandbox: Sandbox) -> None:
        walled = _quickest(sandbox)
        open_field = Sandbox(MODULE, walls=[])

        bare = _quickest(open_field)

        open_field.close()
        # One or two where nothing else runs; walls that copied or searched anything would take more
        # than this even there.
        assert walled - bare < 0.25


class TestEachWallAlone:
    @pytest.mark.parametrize("alone", [None], indirect=True)
    def test_is_what_stops_the_escapes(self, alone: Sandbox, secret: Path, tmp_path: Path) -> None:
        assert alone.call("read", {"other": str(secret)}, LIMITS) is True
        assert alone.call("create", {"other": str(tmp_path / "new")}, LIMITS) is True
        assert _connections(alone, tmp_path) == [True, True, True]
        assert alone.call("fork", {}, LIMITS) is True

    @pytest.mark.skipif(Wall.NAMESPACES in missing_walls(), reason="namespaces are for root here")
    @pytest.mark.parametrize("alone", [Wall.NAMESPACES], indirect=True)
    def test_has_no_network_in_its_namespaces(self, alone: Sandbox, tmp_path: Path) -> None:
        tcp, _, abstract = _connections(alone, tmp_path)

        assert not tcp
        assert not abstract

    @pytest.mark.parametrize("alone", [Wall.CAPABILITIES], indirect=True)
    def test_is_no_longer_root_without_capabilities(self, alone: Sandbox) -> None:
        assert alone.call("mount", {}, LIMITS) is False

    @pytest.mark.parametrize("alone", [Wall.LANDLOCK], indirect=True)
    def test_sees_one_file_behind_landlock(
        self, alone: Sandbox, secret: Path, tmp_path: Path
    ) -> None:
        own = tmp_path / "own"
        own.write_text("mine")

        assert alone.call("read_own", {}, LIMITS, file=own) == "mine"
        assert alone.call("read", {"other": str(secret)}, LIMITS, file=own) is False
        assert alone.call("list_folder", {"other": "/proc"}, LIMITS) is False
        assert alone.call("create", {"other": str(tmp_path / "new")}, LIMITS) is False
        assert alone.call("execute", {}, LIMITS) is False

    @pytest.mark.parametrize("alone", [Wall.LANDLOCK], indirect=True)
    @pytest.mark.skipif(landlock.abi() < 6, reason="this kernel's Landlock knows files only")
    def test_reaches_nobody_behind_a_new_landlock(self, alone: Sandbox, tmp_path: Path) -> None:
        tcp, _, abstract = _connections(alone, tmp_path)

        assert (tcp, abstract) == (False, False)
        assert alone.call("kill_parent", {}, LIMITS) is False

    @pytest.mark.parametrize("alone", [Wall.SECCOMP], indirect=True)
    def test_can_ask_for_little_behind_seccomp(
        self, alone: Sandbox, secret: Path, tmp_path: Path
    ) -> None:
        refused = ("execute", "fork", "kill_parent", "limit_parent", "share_memory")

        assert not any(alone.call(escape, {}, LIMITS) for escape in refused)
        assert _connections(alone, tmp_path) == [False, False, False]
        for change in ("change_mode", "remove"):
            assert alone.call(change, {"other": str(secret)}, LIMITS) is False
        assert alone.call("create", {"other": str(tmp_path / "new")}, LIMITS) is False


class TestLandlock:
    @pytest.mark.parametrize("version", range(1, landlock.abi() + 1))
    def test_hides_files_with_every_version(self, version: int, secret: Path) -> None:
        child = os.fork()
        if child == 0:
            os._exit(_reads_behind(version, secret))

        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == REFUSED


class TestOutOfMemory:
    def test_is_the_documents_fault_when_the_kernel_counted_it(self, tmp_path: Path) -> None:
        counter = tmp_path / "memory.events"
        counter.write_text("oom 0\noom_kill 0\n")
        sandbox = Sandbox("tests.sandbox.oom_counted", environment={"OOM_COUNTER": str(counter)})
        sandbox.call("start_thread", {}, LIMITS)
        killer = threading.Timer(0.5, counter.write_text, ["oom 1\noom_kill 1\n"])
        killer.start()

        with pytest.raises(DocumentFault) as raised:
            sandbox.call("wait_and_be_killed", {}, LIMITS)

        killer.join()
        sandbox.close()
        assert raised.value.error_code == "too-much-memory"


CREATIONS = ("create", "make_folder")
REFUSED = 7


def _reads_behind(version: int, secret: Path) -> int:
    """In a forked child; the code that it ends with."""
    from chatbot.sandbox import kernel  # noqa: PLC0415 - only the child

    try:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        landlock.restrict(readable=[Path("/usr/lib")], descriptors=[], version=version)
        secret.read_bytes()
    except PermissionError:
        return REFUSED
    except OSError:
        return 1
    return 0


def _connections(sandbox: Sandbox, folder: Path) -> list[bool]:
    """Whether TCP, a socket in a folder and an abstract one could be connected to."""
    abstract = f"@brainstem-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as unnamed,
    ):
        named.bind(str(folder / "socket"))
        unnamed.bind(abstract.replace("@", "\x00"))
        named.listen()
        unnamed.listen()
        found = [
            sandbox.call("connect_tcp", {"port": tcp.getsockname()[1]}, LIMITS),
            sandbox.call("connect_unix", {"address": str(folder / "socket")}, LIMITS),
            sandbox.call("connect_unix", {"address": abstract}, LIMITS),
        ]
    (folder / "socket").unlink()
    return found


def _quickest(sandbox: Sandbox) -> float:
    """Seconds of the quickest of some calls."""
    taken = []
    for _ in range(20):
        began = time.perf_counter()
        sandbox.call("start_thread", {}, LIMITS)
        taken.append(time.perf_counter() - began)
    return min(taken)
