"""`manage.py up` as a whole, in a home of its own: first start, second start, end."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e.stack import PROJECT, Stack
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SECOND_START_SECONDS = 60
"""15 is promised for a machine that has nothing else to do."""
STOP_SECONDS = 10
ANSWER_SECONDS = 30


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("up") / "home"
    with Stack(home, free_port(), BRAINSTEM_ADMIN_PASSWORD="") as running_stack:
        yield running_stack


def up(stack: Stack, **variables: str) -> subprocess.CompletedProcess[str]:
    """Another `manage.py up`, which is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", "PORT": str(stack.port), **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


class TestUp:
    def test_prints_a_password_that_opens_the_door(self, stack: Stack) -> None:
        output = "\n".join(stack.lines)
        shown = re.search(r"Sign in as (\S+) with the password (\S+)", output)
        assert shown is not None

        answer = httpx.post(
            f"{stack.url}/api/v1/auth/token",
            json={"email": shown[1], "password": shown[2]},
            timeout=ANSWER_SECONDS,
        )

        assert answer.status_code == 200
        assert f"ready: {stack.url}" in stack.lines

    def test_serves_ui_admin_and_api_docs_from_one_origin(self, stack: Stack) -> None:
        pages = [
            httpx.get(stack.url + path, timeout=ANSWER_SECONDS)
            for path in ("/", "/admin/login/", "/api/v1/docs")
        ]

        assert [page.status_code for page in pages] == [200, 200, 200]
        assert all("text/html" in page.headers["Content-Type"] for page in pages)

    def test_is_found_by_other_commands(self, stack: Stack) -> None:
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", "print(Brain.objects.count(), 'brain')"],
            cwd=PROJECT,
            env={"PATH": "/usr/bin:/bin", "BRAINSTEM_HOME": str(stack.home)},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )

        assert "1 brain" in done.stdout

    def test_refuses_a_second_one_in_the_same_home(self, stack: Stack) -> None:
        done = up(stack, BRAINSTEM_HOME=str(stack.home))

        assert done.returncode == 1
        assert "already runs in" in done.stderr
        assert "Traceback" not in done.stderr

    def test_refuses_a_port_that_is_taken(self, stack: Stack, tmp_path: Path) -> None:
        done = up(stack, BRAINSTEM_HOME=str(tmp_path))

        assert done.returncode == 1
        assert "listens there" in done.stderr
        assert "Traceback" not in done.stderr

    def test_names_every_variable_that_is_wrong(self, stack: Stack, tmp_path: Path) -> None:
        done = up(stack, BRAINSTEM_HOME=str(tmp_path), PORT="many", REDIS_URL="somewhere")

        assert done.returncode == 1
        assert "PORT: " in done.stderr
        assert "REDIS_URL: " in done.stderr
        assert "Traceback" not in done.stderr

    def test_stops_everything_and_starts_quickly_again(self, stack: Stack) -> None:
        before = stack.processes()

        stopped_after = stack.stop()
        left = [process for process in before if process.is_running()]
        started_after = stack.start()

        assert stopped_after < STOP_SECONDS
        assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []
        assert started_after < SECOND_START_SECONDS
        assert not any("Sign in as" in line for line in stack.lines[-5:])
