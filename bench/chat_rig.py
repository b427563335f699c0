"""What the chat benches run on: real PostgreSQL and Valkey, the scripted server, chat processes.

Every chat process has the first core for itself and all the rest shares the others, so that figures
are those of one core however the machine is shared out.
"""

import contextlib
import itertools
import os
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import psutil

if TYPE_CHECKING:
    from tests.chat_service.processes import ChatProcess
    from tests.fakes.scripted_server import ScriptedServer

PROJECT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

STREAMS_PER_PERSON: Final = 25
"""Below the limit of unfinished questions."""
MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Seat:
    """One conversation, and the access token of the person it belongs to."""

    conversation: str
    token: str
    user: str


@dataclass
class Rig:
    upstream: "ScriptedServer"
    chats: "list[ChatProcess]"
    environment: dict[str, str]

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
    from tests.servers import postgres_and_valkey  # noqa: PLC0415 - after the path is set

    with contextlib.ExitStack() as stack:
        addresses = stack.enter_context(postgres_and_valkey())
        os.environ.update(addresses, SECRET_KEY="bench " * 8, DJANGO_SETTINGS_MODULE=_SETTINGS)
        _make_tables()
        from tests.fakes.scripted_server import running_scripted_server  # noqa: PLC0415

        words = ["--delay-ms", str(delay_ms), "--rate", str(rate), "--tokens", str(tokens)]
        upstream = stack.enter_context(running_scripted_server(*words))
        _name_endpoint(upstream.base_url)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="brainstem-bench-")))
        chats = [
            stack.enter_context(_running_chat(folder / str(number), variables))
            for number in range(replicas)
        ]
        yield Rig(upstream, chats, dict(addresses))


_SETTINGS: Final = "chatbot.settings.chatbot"


@contextlib.contextmanager
def _running_chat(folder: Path, variables: dict[str, str]) -> "Iterator[ChatProcess]":
    from tests.chat_service.processes import running_chat_process  # noqa: PLC0415

    folder.mkdir()
    with running_chat_process(QUESTION_LIMIT_PER_MINUTE="1000000", **variables) as chat:
        if (os.cpu_count() or 1) > 1:
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
