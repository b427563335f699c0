"""What the chat benches run on: real PostgreSQL and Valkey, the scripted server, chat processes.

A lone chat process has the first core for itself and all the rest shares the others, so that
figures are those of one core however the machine is shared out.
"""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import psutil
import redis

if TYPE_CHECKING:
    from tests.chat_service.processes import ChatProcess
    from tests.fakes.scripted_server import ScriptedServer

PROJECT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

START_SECONDS: Final = 30
STREAMS_PER_PERSON: Final = 25
"""Below the limit of unfinished questions."""
MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Seat:
    """One conversation, and the access token of the person it belongs to."""

    conversation: str
    token: str
    user: str


class Store:
    """PostgreSQL or Valkey as a process that can be killed, frozen and started again."""

    def __init__(self, command: list[str], *, port: int) -> None:
        self._command = command
        self._port = port
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(_here(self._port), 1):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._command[0]} does not answer")
            time.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(START_SECONDS)

    def stop(self, number: int = signal.SIGINT) -> None:
        self._process.send_signal(number)
        self._process.wait(START_SECONDS)


@dataclass
class Rig:
    upstream: "ScriptedServer"
    chats: "list[ChatProcess]"
    postgres: Store
    valkey: Store
    make_chat: Callable[[], "ChatProcess"]
    redis_url: str

    def seats(self, count: int) -> list[Seat]:
        """New conversations of as many people as it takes."""
        from chatbot.accounts.models import User  # noqa: PLC0415 - Django is set up by now
        from chatbot.accounts.services.tokens import issue_tokens  # noqa: PLC0415
        from chatbot.conversations.models import Conversation  # noqa: PLC0415

        people = User.objects.bulk_create(
            User(email=f"{next(_numbers)}@bench.example", password="!")  # noqa: S106 - none
            for _ in range(-(-count // STREAMS_PER_PERSON))
        )
        tokens = {person.pk: issue_tokens(user=person).access for person in people}
        owners = itertools.islice(itertools.cycle(people), count)
        made = Conversation.objects.bulk_create(Conversation(user=owner) for owner in owners)
        return [Seat(str(one.pk), tokens[one.user_id], str(one.user_id)) for one in made]

    def chat_of(self, seat: Seat) -> "ChatProcess":
        """Conversations are shared out over the replicas."""
        return self.chats[hash(seat.conversation) % len(self.chats)]

    def ask(self, seat: Seat, text: str) -> str:
        """The id of the turn, asked as the REST API does."""
        from chatbot.accounts.models import User  # noqa: PLC0415 - Django is set up by now
        from chatbot.conversations.services.turns import ask  # noqa: PLC0415

        asked = ask(user=User(pk=seat.user), conversation_id=UUID(seat.conversation), text=text)
        return str(asked.turn_id)

    def stored(self, answers: list[str]) -> dict[str, str]:
        """Text of each stored answer, by the id of its message."""
        from chatbot.conversations.models import Message  # noqa: PLC0415 - Django is set up by now

        rows = Message.objects.filter(pk__in=answers).values_list("pk", "text")
        return {str(key): text for key, text in rows}

    def forget_connection(self) -> None:
        """PostgreSQL was away: this thread's connection is dead."""
        from django.db import connection  # noqa: PLC0415 - Django is set up by now

        connection.close()

    def wipe_valkey(self) -> None:
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()

    def cpu_seconds(self) -> float:
        """Of all chat processes so far, both kinds of time."""
        return sum(sum(one.cpu_times()[:2]) for one in self._processes())

    def pss_megabytes(self) -> float:
        """Proportional memory of all chat processes."""
        return sum(one.memory_full_info().pss for one in self._processes()) / MEGABYTE

    def _processes(self) -> list[psutil.Process]:
        parents = [psutil.Process(chat.process.pid) for chat in self.chats]
        return [one for parent in parents for one in (parent, *parent.children(recursive=True))]


_numbers = itertools.count(1)


@contextlib.contextmanager
def running_rig(
    *, replicas: int = 1, delay_ms: int = 50, rate: float = 50, tokens: int = 200, **variables: str
) -> Iterator[Rig]:
    """Everything that answers a question, ready; gone at the end."""
    _leave_first_core()
    # Whoever ends the bench ends what it started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="brainstem-bench-"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres, valkey = _running_stores(folder, stack)
        _make_tables()
        from tests.fakes.scripted_server import running_scripted_server  # noqa: PLC0415

        words = ["--delay-ms", str(delay_ms), "--rate", str(rate), "--tokens", str(tokens)]
        upstream = stack.enter_context(running_scripted_server(*words))
        _name_endpoint(upstream.base_url)

        def make_chat() -> "ChatProcess":
            home = folder / f"chat-{next(_numbers)}"
            return stack.enter_context(_running_chat(home, variables, is_alone=replicas == 1))

        chats = [make_chat() for _ in range(replicas)]
        yield Rig(upstream, chats, postgres, valkey, make_chat, os.environ["REDIS_URL"])


def _running_stores(folder: Path, stack: contextlib.ExitStack) -> tuple[Store, Store]:
    """Both stores; the environment names them."""
    from chatbot.embedded import postgres, valkey  # noqa: PLC0415 - after the path is set
    from tests.servers import PASSWORD, free_port  # noqa: PLC0415

    postgres.initialise(folder=folder / "postgres", password=PASSWORD)
    (folder / "valkey").mkdir()
    ports = free_port(), free_port()
    stores = (
        Store(postgres.command(folder=folder / "postgres", port=ports[0]), port=ports[0]),
        Store(valkey.command(folder=folder / "valkey", port=ports[1]), port=ports[1]),
    )
    for store in stores:
        stack.callback(store.stop)
    os.environ.update(
        BRAINSTEM_HOME=str(folder / "home"),
        DATABASE_URL=f"postgresql://brainstem:{PASSWORD}@127.0.0.1:{ports[0]}/postgres",
        REDIS_URL=f"redis://127.0.0.1:{ports[1]}/0",
        SECRET_KEY="bench " * 8,
        DJANGO_SETTINGS_MODULE=_SETTINGS,
    )
    return stores


def _here(port: int) -> tuple[str, int]:
    return "127.0.0.1", port


_SETTINGS: Final = "chatbot.settings.chatbot"


@contextlib.contextmanager
def _running_chat(
    folder: Path, variables: dict[str, str], *, is_alone: bool
) -> "Iterator[ChatProcess]":
    from tests.chat_service.processes import running_chat_process  # noqa: PLC0415

    folder.mkdir()
    with running_chat_process(QUESTION_LIMIT_PER_MINUTE="1000000", **variables) as chat:
        if is_alone and (os.cpu_count() or 1) > 1:
            for thread in psutil.Process(chat.process.pid).threads():
                os.sched_setaffinity(thread.id, {0})
        yield chat


def _leave_first_core() -> None:
    cores = os.cpu_count() or 1
    if cores > 1:
        os.sched_setaffinity(0, set(range(1, cores)))


def _make_tables() -> None:
    import django  # noqa: PLC0415 - settings are named by now
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0)


def _name_endpoint(base_url: str) -> None:
    from chatbot.inference.models import InferenceEndpoint, InferenceModel  # noqa: PLC0415

    model = InferenceModel.objects.create(name="Scripted", is_default=True)
    InferenceEndpoint.objects.create(
        model=model, base_url=base_url, upstream_model="scripted", concurrency=5000
    )


def healthz_milliseconds(chat: "ChatProcess") -> float:
    """How long the process takes to say that it lives."""
    began = time.perf_counter()
    with urllib.request.urlopen(  # noqa: S310 - ours
        f"{chat.http}/stream/healthz", timeout=10
    ) as response:
        response.read()
    return (time.perf_counter() - began) * 1000
