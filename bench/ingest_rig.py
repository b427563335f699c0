"""What the ingestion benches run on: the whole stack of `make up` in a home of its own.

Model servers are the scripted one, which embeds at once, so that figures are those of ingestion.
"""

import codecs
import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import httpx
import psutil

PROJECT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

if TYPE_CHECKING:
    from tests.e2e.stack import Stack
    from tests.fakes.scripted_server import ScriptedServer

MEGABYTE: Final = 1024 * 1024
UPLOAD_PATIENCE_SECONDS: Final = 900.0
_AGAIN_SECONDS: Final = 0.2
_REQUEST_SECONDS: Final = 20.0
_GONE: Final = frozenset({204, 404})
_UTF_16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_REFUSED: Final = frozenset({400, 409, 413, 415, 422})
"""The file itself is not taken; anything else is tried again."""


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an upload: a document, or the code with which it was refused."""

    document: str = ""
    refused: str = ""


class Person:
    """Somebody with a brain, who uploads until it is accepted."""

    def __init__(self, url: str, name: str) -> None:
        from tests.factories.accounts import make_user  # noqa: PLC0415 - Django is set up by now
        from tests.factories.brains import make_brain  # noqa: PLC0415 - as above

        self.user = make_user(email=f"{name}@bench.example")
        self.brain = str(make_brain(owner=self.user).pk)
        self._client = httpx.Client(base_url=f"{url}/api/v1/", timeout=_REQUEST_SECONDS)

    def upload(self, sample: Sample) -> Outcome:
        """Again and again, as a client does whose server is away, until there is an answer."""
        deadline = time.monotonic() + UPLOAD_PATIENCE_SECONDS
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = self._request(
                    "POST",
                    f"brains/{self.brain}/documents",
                    files={"file": (sample.name, sample.content)},
                )
                if answer.status_code in {200, 202}:
                    return Outcome(document=answer.json()["id"])
                if answer.status_code in _REFUSED:
                    return Outcome(refused=answer.json()["code"])
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody takes {sample.name}")
            time.sleep(_AGAIN_SECONDS)

    def get(self, path: str) -> Any:  # noqa: ANN401 - decoded JSON
        return self._request("GET", path).raise_for_status().json()

    def ask(self, question: str) -> Any:  # noqa: ANN401 - decoded JSON
        """Asks in a new conversation about the brain, and waits for the answer."""
        body = {"kind": "chat", "text": question, "brain": self.brain, "wait": 10}
        return self._request("POST", "jobs", json=body).raise_for_status().json()["result"]

    def delete(self, document: str) -> None:
        """Again and again, until the server says that the document is gone."""
        deadline = time.monotonic() + UPLOAD_PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                answer = self._request("DELETE", f"documents/{document}")
                if answer.status_code in _GONE:
                    return
            time.sleep(_AGAIN_SECONDS)
        raise TimeoutError("nobody deletes the document")

    def _request(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        from chatbot.accounts.services.tokens import issue_tokens  # noqa: PLC0415 - as above

        if not self._client.headers.get("Authorization"):
            token = issue_tokens(user=self.user).access
            self._client.headers["Authorization"] = f"Bearer {token}"
        return self._client.request(method, path, **arguments)


@dataclass
class Rig:
    stack: "Stack"
    models: "ScriptedServer"
    exits: contextlib.ExitStack
    """What ends with the rig."""

    def person(self, name: str) -> Person:
        return Person(self.stack.url, name)

    def process_named(self, name: str) -> psutil.Process:
        return self.stack.process(name)

    def any_process(self, chance: random.Random) -> psutil.Process:
        """Some process of the stack; first a kind, so that stores with many helpers are not all."""
        kinds: dict[str, list[psutil.Process]] = {}
        for process in self.stack.processes():
            with contextlib.suppress(psutil.Error):
                kinds.setdefault(self.name_of(process), []).append(process)
        return chance.choice(kinds[chance.choice(sorted(kinds))])

    def name_of(self, process: psutil.Process) -> str:
        """What kind of process it is."""
        words = " ".join(process.cmdline())
        kinds = ("sandbox", "postgres", "valkey", "caddy", "gunicorn", "uvicorn", "celery")
        return next((kind for kind in (*kinds, "scheduler") if kind in words), process.name())

    def wait_for_process(self, name: str, *, other_than: int) -> None:
        """Until it has been started again."""
        deadline = time.monotonic() + UPLOAD_PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(psutil.Error, ValueError):
                if self.process_named(name).pid != other_than:
                    return
            time.sleep(0.1)
        raise TimeoutError(f"{name} does not come back")

    def stored_files(self) -> set[str]:
        """Names of all files in the stack's storage."""
        folder = self.stack.home / "files"
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    @contextlib.contextmanager
    def storage_gone(self) -> Iterator[None]:
        """A file stands where the folder of all files was, as when a disk isn't mounted."""
        folder = self.stack.home / "files"
        kept = folder.rename(folder.with_name("files-elsewhere"))
        folder.touch()
        try:
            yield
        finally:
            folder.unlink()
            kept.rename(folder)

    @contextlib.contextmanager
    def models_gone(self) -> Iterator[None]:
        """Nobody listens where model servers were."""
        from tests.fakes.scripted_server import running_scripted_server  # noqa: PLC0415 - set up

        self.models.kill()
        try:
            yield
        finally:
            port = int(self.models.address.rpartition(":")[2])
            self.models = self.exits.enter_context(running_scripted_server(port=port))

    @contextlib.contextmanager
    def postgres_stopped(self) -> Iterator[None]:
        """Its processes hold their connections, and say nothing."""
        stopped = [one for one in self.stack.processes() if self.name_of(one) == "postgres"]
        for one in stopped:
            one.suspend()
        try:
            yield
        finally:
            for one in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.resume()

    def remove(self, document: str) -> None:
        """As an administrator does, whosever it is."""
        from chatbot.documents.services.repairs import remove_document  # noqa: PLC0415 - set up by now

        remove_document(document_id=UUID(document))

    def wipe_valkey(self) -> None:
        import redis  # noqa: PLC0415 - only here

        with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
            client.flushall()


@contextlib.contextmanager
def running_rig(**variables: str) -> Iterator[Rig]:
    """Everything, ready; gone at the end. Variables are the stack's."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with contextlib.ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="brainstem-bench-"))
        home.chmod(0o755)
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        from tests.e2e.stack import Stack  # noqa: PLC0415 - after the path is set
        from tests.fakes.scripted_server import running_scripted_server  # noqa: PLC0415
        from tests.servers import free_port  # noqa: PLC0415

        models = stack.enter_context(running_scripted_server())
        variables = {
            "INFERENCE_URL": models.base_url,
            "EMBEDDING_URL": models.base_url,
            "REQUEST_LIMIT_PER_MINUTE": "1000000",
            **variables,
        }
        running = stack.enter_context(Stack(home, free_port(), **variables))
        _use_database_of(running)
        yield Rig(running, models, stack)


def _use_database_of(running: "Stack") -> None:
    import django  # noqa: PLC0415 - settings are named below

    environment = running.process("scheduler").environ()
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "STORAGE_URL", "BRAINSTEM_HOME"):
        if name in environment:
            os.environ[name] = environment[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatbot.settings.chatbot"
    django.setup()
    from django.conf import settings  # noqa: PLC0415 - as above

    # Nobody here asks for a new token.
    settings.ACCESS_TOKEN_SECONDS = 24 * 3600


def samples(folder: Path, *, megabytes: float = 1.0) -> list[Sample]:
    """The documents of a folder, each content once; expected texts beside them are left out."""
    found: dict[str, Sample] = {}
    for path in sorted(folder.rglob("*")):
        is_beside = any(mark in path.name for mark in (".expected.", ".truth.", "SOURCES"))
        if path.is_file() and not is_beside and 0 < path.stat().st_size < megabytes * 1e6:
            content = path.read_bytes()
            found.setdefault(hashlib.sha256(content).hexdigest(), Sample(path.name, content))
    return list(found.values())


def changed(sample: Sample, number: int) -> Sample:
    """The same document in other bytes: readers of all formats ignore white space at the end."""
    mark = "".join(" \t"[int(digit)] for digit in f"{number:024b}")
    if sample.content.startswith(b"PK"):
        return Sample(sample.name, _with_archive_comment(sample.content, mark))
    encoding = next(
        (name for start, name in _UTF_16.items() if sample.content.startswith(start)), ""
    )
    return Sample(sample.name, sample.content + f"\n{mark}\n".encode(encoding or "ascii"))


def _with_archive_comment(content: bytes, comment: str) -> bytes:
    copy = io.BytesIO(content)
    try:
        with zipfile.ZipFile(copy, "a") as archive:
            archive.comment = comment.encode()
    except (zipfile.BadZipFile, ValueError, OSError):
        return content + comment.encode()
    return copy.getvalue()


def wait_for_end(documents: Sequence[str], *, seconds: float, pause: float = 0.5) -> float:
    """Waits until every document has ended; returns the seconds it took.

    Args:
        pause: seconds between two looks, each of which takes a little of the machine.

    Raises:
        TimeoutError: some have not.
    """
    from django.db import DatabaseError, connection  # noqa: PLC0415 - Django is set up by now

    from chatbot.documents.models import UNFINISHED_STATES, DocumentVersion  # noqa: PLC0415

    began = time.monotonic()
    while True:
        with contextlib.suppress(DatabaseError):
            left = DocumentVersion.objects.filter(
                document__in=list(documents), state__in=UNFINISHED_STATES
            ).count()
            if not left:
                return time.monotonic() - began
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{left} documents have not ended")
        if not connection.is_usable():
            connection.close()
        time.sleep(pause)


def each_in_a_process(bench: str, program: str, scenes: Sequence[str]) -> dict[str, Any]:
    """Runs scenes one after the other: a process looks at one database, and each has its own."""
    options = [word for word in sys.argv[1:] if word not in scenes]
    report: dict[str, Any] = {"bench": bench, "wrong": 0}
    for scene in scenes:
        command = [sys.executable, program, scene, *options]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        *lines, last = ended.stdout.splitlines()
        print("\n".join(lines), flush=True)
        found = json.loads(last)
        report[scene] = found[scene]
        report["wrong"] += found["wrong"]
    return report
