"""The official client of tus, over a connection that breaks."""

import hashlib
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from chatbot.accounts.models import Scope
from chatbot.documents.models import Document
from chatbot.uploads.models import Upload
from tests.acceptance.conftest import NODE, PATIENCE_SECONDS
from tests.child_processes import PROJECT, child, child_environment, wait_until
from tests.factories.accounts import make_api_key, make_user
from tests.factories.brains import make_brain
from tests.fakes.proxy import Proxy
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MEGABYTE = 1024 * 1024
FILE_BYTES = 50 * MEGABYTE
CUTS_AT = (5 * MEGABYTE, 20 * MEGABYTE, 35 * MEGABYTE)
START_SECONDS = 30


@dataclass(frozen=True)
class Line:
    """What a client needs, over a connection that can be cut."""

    proxy: Proxy
    variables: dict[str, str]
    home: Path


@pytest.fixture
def line(transactional_db: None, tmp_path: Path) -> Iterator[Line]:  # noqa: ARG001 - the database comes first
    port = free_port()
    home = tmp_path / "home"
    home.mkdir()
    words = ["-m", "gunicorn", "chatbot.wsgi:application", f"--bind=127.0.0.1:{port}"]
    words += ["--worker-class=gthread", "--threads=8", "--no-control-socket"]
    environment = child_environment(settings_module="chatbot.settings.chatbot", home=home)
    with ExitStack() as stack:
        stack.enter_context(child(words, environment=environment, log=home / "log"))
        wait_until(lambda: _answers(port), seconds=START_SECONDS, what="web application")
        proxy = Proxy(f"http://127.0.0.1:{port}")
        proxy.start()
        stack.callback(proxy.end)
        person = make_user()
        variables = {
            "PATH": os.environ["PATH"],
            "UPLOADS_URL": f"http://127.0.0.1:{proxy.port}/api/v1/uploads",
            "API_KEY": make_api_key(person, Scope.BRAINS_WRITE)[1],
            "BRAIN": str(make_brain(owner=person).pk),
            "FILE": str(_file(tmp_path)),
        }
        yield Line(proxy, variables, home)


class TestTusClient:
    @pytest.mark.parametrize("chunk_bytes", [0, 5 * MEGABYTE], ids=["one request", "chunks"])
    def test_sends_a_large_file_although_the_line_breaks(
        self, line: Line, chunk_bytes: int
    ) -> None:
        cuts: list[int] = []
        cutter = threading.Thread(target=_cut, args=(line.proxy, cuts), daemon=True)
        cutter.start()

        told = _send(line, CHUNK_BYTES=str(chunk_bytes))
        cutter.join(PATIENCE_SECONDS)

        document = Document.objects.get()
        with Path(line.variables["FILE"]).open("rb") as file:
            assert document.sha256 == hashlib.file_digest(file, "sha256").hexdigest()
        assert told["document"] == f"/api/v1/documents/{document.pk}"
        assert len(cuts) == len(CUTS_AT)
        assert int(str(told["retries"])) >= len(CUTS_AT)
        # The document is there before the parts that it was made of are gone.
        wait_until(
            lambda: _stored_sizes(line.home) == [FILE_BYTES],
            seconds=PATIENCE_SECONDS,
            what="end of the parts",
        )


def _stored_sizes(home: Path) -> list[int]:
    sizes = []
    for path in (home / "files").rglob("*"):
        with suppress(FileNotFoundError):
            sizes += [path.stat().st_size] * path.is_file()
    return sizes


def _send(line: Line, **variables: str) -> dict[str, object]:
    done = subprocess.run(
        [str(NODE), "node/upload.mjs"],
        cwd=PROJECT / "tests" / "acceptance",
        env={**line.variables, **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


def _cut(proxy: Proxy, cuts: list[int]) -> None:
    """Cuts the line as soon as so much has been stored."""
    with closing(connection):
        for stored in CUTS_AT:
            while not Upload.objects.filter(offset__gte=stored, document__isnull=True).exists():
                time.sleep(0.005)
            proxy.cut()
            cuts.append(stored)
            time.sleep(0.1)
            proxy.restore()


def _file(folder: Path) -> Path:
    """Text of which no two parts are alike."""
    path = folder / "large.txt"
    with path.open("w") as file:
        for number in range(FILE_BYTES // 16):
            file.write(f"{number:015}\n")
    return path


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/healthz", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
