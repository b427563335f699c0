"""What the chat benches run on: real PostgreSQL and Valkey, the scripted server, chat processes.

A lone chat process has the first core for itself and all the rest shares the others, so that
figures are those of one core however the machine is shared out. Several ones use all cores.
"""

import contextlib
import itertools
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import UUID

import psutil
import redis

if TYPE_CHECKING:
    from chatbot.conversations.services import Asked
    from tests.chat_service.processes import ChatProcess
    from tests.fakes.scripted_server import ScriptedServer

PROJECT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

START_SECONDS: Final = 30
_CHAT_CORE: Final = 0
QUESTION: Final = "What does the brainstem do?"
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

    def seats(self, count: int, *, each: int = STREAMS_PER_PERSON) -> list[Seat]:
        """New conversations, so many of each person."""
        from chatbot.accounts.models import User  # noqa: PLC0415 - Django is set up by now
        from chatbot.accounts.services.tokens import issue_tokens  # noqa: PLC0415
        from chatbot.conversations.models import Conversation  # noqa: PLC0415

        people = User.objects.bulk_create(
            User(email=f"{next(_numbers)}@bench.example", password="!")  # noqa: S106 - none
            for _ in range(-(-count // each))
        )
        tokens = {person.pk: issue_tokens(user=person).access for person in people}
        owners = itertools.islice(itertools.cycle(people), count)
        made = Conversation.objects.bulk_create(Conversation(user=owner) for owner in owners)
        return [Seat(str(one.pk), tokens[one.user_id], str(one.user_id)) for one in made]

    def chat_of(self, seat: Seat) -> "ChatProcess":
        """Conversations are shared out over the replicas."""
        return self.chats[hash(seat.conversation) % len(self.chats)]

    def tell(self, **script: object) -> str:
        """Tells the inference server what to say; returns that."""
        self.upstream.script(**script)
        return self.answer_of(**script)

    def answer_of(self, **script: object) -> str:
        from tests.fakes.script import Script  # noqa: PLC0415 - after the path is set

        return Script().with_fields(script).answer()

    def ask(self, seat: Seat, text: str) -> "Asked":
        """Asked as the REST API does, at the beginning of the conversation."""
        from chatbot.accounts.models import User  # noqa: PLC0415 - Django is set up by now
        from chatbot.conversations.services import ask  # noqa: PLC0415

        conversation_id = UUID(seat.conversation)
        return ask(
            user=User(pk=seat.user), conversation_id=conversation_id, text=text, parent_id=None
        )

    def stored(self, turns: list[str]) -> dict[str, str]:
        """Text of each stored answer, by its turn."""
        from chatbot.conversations.models import Turn  # noqa: PLC0415 - Django is set up by now

        rows = Turn.objects.filter(pk__in=turns).values_list("pk", "answer__text")
        return {str(key): text for key, text in rows}

    def unfinished_turns(self) -> int:
        from chatbot.conversations.models import Turn  # noqa: PLC0415 - Django is set up by now

        return Turn.objects.filter(finished_at=None).count()

    def stop_everything(self) -> None:
        """Owners of turns look once a second."""
        from chatbot.conversations.models import Turn  # noqa: PLC0415 - Django is set up by now

        Turn.objects.filter(finished_at=None).update(stop_requested=True)

    def places(self) -> int:
        """Running and waiting turns, as Redis has them."""
        from chatbot.contracts import keys  # noqa: PLC0415 - after the path is set
        from chatbot.inference.models import InferenceEndpoint  # noqa: PLC0415 - as above

        with redis.Redis.from_url(self.redis_url) as client:
            return sum(
                client.zcard(key(endpoint))
                for endpoint in InferenceEndpoint.objects.values_list("pk", flat=True)
                for key in (keys.endpoint_running, keys.endpoint_waiting)
            )

    def upstream_connections(self) -> int:
        """From all chat processes to the inference server, idle ones included."""
        port = urlsplit(self.upstream.address).port
        connections = [one for process in self._processes() for one in _connections(process)]
        return sum(address[1] == port for _, address in connections)

    def client_ports(self, chat: "ChatProcess") -> set[int]:
        """Ports of the clients that the process is connected with."""
        connections = _connections(psutil.Process(chat.process.pid))
        return {address[1] for own, address in connections if own[1] == chat.port}

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

    def waited_seconds(self) -> float:
        """How long event loops of chat processes were ready to run so far, and had no core.

        Where that is more than a few hundredths of the time, times are the machine's, not ours.
        """
        loops = [Path(f"/proc/{chat.process.pid}/schedstat").read_text() for chat in self.chats]
        return sum(int(figures.split()[1]) / 1e9 for figures in loops)

    def pss_megabytes(self) -> float:
        """Proportional memory of all chat processes."""
        return sum(one.memory_full_info().pss for one in self._processes()) / MEGABYTE

    def _processes(self) -> list[psutil.Process]:
        parents = [psutil.Process(chat.process.pid) for chat in self.chats]
        return [one for parent in parents for one in (parent, *parent.children(recursive=True))]


def _connections(process: psutil.Process) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    """Both ends of each."""
    found = process.net_connections("tcp")
    return [(one.laddr, one.raddr) for one in found if len(one.raddr)]


_numbers = itertools.count(1)


@contextlib.contextmanager
def running_rig(
    *, replicas: int = 1, concurrency: int = 5000, host: str = "127.0.0.1", **variables: str
) -> Iterator[Rig]:
    """Everything that answers a question, ready; gone at the end.

    `concurrency`: answers at once. `host`: where chat processes listen.
    """
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

        upstream = stack.enter_context(running_scripted_server())
        _name_endpoint(upstream.base_url, concurrency)

        def make_chat() -> "ChatProcess":
            home = folder / f"chat-{next(_numbers)}"
            return stack.enter_context(_running_chat(home, host, variables, is_alone=replicas == 1))

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
    folder: Path, host: str, variables: dict[str, str], *, is_alone: bool
) -> "Iterator[ChatProcess]":
    from tests.chat_service.processes import running_chat_process  # noqa: PLC0415

    folder.mkdir()
    variables = {"QUESTION_LIMIT_PER_MINUTE": "1000000", **variables}
    with running_chat_process(host=host, **variables) as chat:
        if (cores := os.cpu_count() or 1) > 1:
            allowed = {_CHAT_CORE} if is_alone else set(range(cores))
            for thread in psutil.Process(chat.process.pid).threads():
                os.sched_setaffinity(thread.id, allowed)
        yield chat


def _leave_first_core() -> None:
    cores = os.cpu_count() or 1
    if cores > 1:
        os.sched_setaffinity(0, set(range(1, cores)))


def _make_tables() -> None:
    import django  # noqa: PLC0415 - settings are named by now
    from django.conf import settings  # noqa: PLC0415 - as above
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    # Nobody here asks for a new token.
    settings.ACCESS_TOKEN_SECONDS = 24 * 3600
    call_command("migrate", verbosity=0)


def _name_endpoint(base_url: str, concurrency: int) -> None:
    from chatbot.inference.models import InferenceEndpoint, InferenceModel  # noqa: PLC0415

    # The script alone says how long an answer is.
    model = InferenceModel.objects.create(
        name="Scripted", is_default=True, context_tokens=200_000, output_tokens=100_000
    )
    InferenceEndpoint.objects.create(
        model=model, base_url=base_url, upstream_model="scripted", concurrency=concurrency
    )


@contextlib.contextmanager
def watched_health(chat: "ChatProcess") -> Iterator[list[float]]:
    """How long the process takes to say that it lives, in milliseconds; complete at the end.

    A process of its own asks five times a second, each time over a new connection, however long
    the answer before takes.
    """
    with beside("chat_health.py", f"{chat.http}/stream/healthz") as found:
        yield found


class Pace:
    """How fast the lone chat process's core is, whoever else uses the machine."""

    def __init__(self) -> None:
        self._best = math.inf

    @contextlib.contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Milliseconds of a fixed piece of work on that core; complete at the end."""
        with beside("core_pace.py", str(_CHAT_CORE)) as found:
            yield found
        self._best = min(self._best, *found)

    def slowed(self, found: list[float]) -> float:
        """How many times as long the work took as it does at best: 1 on a core of one's own."""
        return quantile(found, 0.5) / self._best


@contextlib.contextmanager
def beside(program: str, argument: str) -> Iterator[list[float]]:
    """The numbers that a program of this folder prints when it is ended; complete at the end."""
    found: list[float] = []
    command = [sys.executable, str(PROJECT / "bench" / program), argument]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield found
        finally:
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=START_SECONDS)
            found += [float(line) for line in output.split()]
    if process.returncode:
        raise SystemExit(f"{program} ended with {process.returncode}")


def quantile(values: Iterable[float], share: float) -> float:
    """Infinite where there are none: no bar holds because nothing was seen."""
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else math.inf
