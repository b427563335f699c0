"""What every model server must pass, told from the connector and from a whole chat service.

`test_llama_cpp.py` runs them for llama.cpp, `vllm/server_tests.py` for vLLM.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from chatbot.accounts.models import User
from chatbot.conversations.models import Message, TurnState
from chatbot.inference.connectors.errors import InferenceError, PromptTooLong, ServerGone
from chatbot.inference.connectors.protocol import Finished, Stopped, TextDelta, UsageReport
from chatbot.inference.connectors.server_queue import server_queue
from chatbot.inference.connectors.transport import close_client
from chatbot.inference.models import InferenceModel
from tests.acceptance.model_servers import MODEL, ModelServer, ask, llama_cpp
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import running_chat_process
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.inference import make_endpoint, make_model
from tests.inference.connectors.streams import collect, collect_until_error, text_of

if TYPE_CHECKING:
    from chatbot.inference.connectors.protocol import StreamItem

WRITTEN_CHARACTERS = 40
"""Of an answer, before its server is killed."""
FREE_SECONDS = 5.0
"""From a stop until the server itself says that its slot is free; an answer takes half a minute at
least. How long it took is printed.
"""
PATIENCE_SECONDS = 90
LONG = "Write a very long story about a brave fox, a river and a mountain. Do not stop."
STORY = ask(LONG, max_tokens=1500, options={"ignore_eos": True})
"""An answer of half a minute at least; both servers know `ignore_eos`."""
PARAGRAPH = "The quick brown fox jumps over the lazy dog near the old river bank. "


@dataclass(frozen=True)
class Broken:
    """An answer whose server died."""

    text: str
    error: InferenceError
    seconds: float
    """From the server's death until the error."""


async def broken_off(server: ModelServer, kill: Callable[[], None]) -> Broken:
    """An answer in whose middle `kill` was called."""
    text, died_at = "", 0.0
    try:
        async with aclosing(server.chat().stream(STORY, stop=asyncio.Event())) as items:
            async for item in items:
                text += item.text if isinstance(item, TextDelta) else ""
                if len(text) > WRITTEN_CHARACTERS and not died_at:
                    await asyncio.to_thread(kill)
                    died_at = time.monotonic()
    except InferenceError as error:
        broken = Broken(text, error, time.monotonic() - died_at)
        print(f"{type(error).__name__} after {broken.seconds:.3f} s: {error.detail} {error.said}")
        assert died_at, "it broke off by itself"
        return broken
    raise AssertionError("the answer ended in good order")


async def seconds_until_idle(server: ModelServer) -> float:
    """From now until the server itself says that it writes nothing."""
    return await asyncio.to_thread(server.seconds_until_idle)


class ConnectorTests:
    """The connector on its own."""

    @pytest.fixture(autouse=True)
    async def _client_is_closed(self) -> AsyncIterator[None]:
        yield
        await close_client()

    async def test_streams_an_answer(self, server: ModelServer) -> None:
        items = await collect(server.chat(), ask("What is the capital city of Japan?"))

        assert sum(isinstance(item, TextDelta) for item in items) > 3
        assert "Tokyo" in text_of(items)
        usage = items[-2]
        assert isinstance(usage, UsageReport)
        assert usage.prompt_tokens > 5
        assert usage.completion_tokens >= 5
        assert items[-1] == Finished("stop")

    async def test_tells_what_it_can_do(self, server: ModelServer) -> None:
        capabilities = await server.chat().capabilities()

        assert capabilities.continues
        assert capabilities.counts_tokens
        assert capabilities.context_tokens == server.context_tokens

    async def test_tells_how_many_wait(self, server: ModelServer) -> None:
        assert await server_queue(server.endpoint) == 0

        stop, chat = asyncio.Event(), server.chat()
        asked = [
            asyncio.create_task(collect(chat, STORY, stop=stop)) for _ in range(server.slots + 2)
        ]
        waiting = await _highest_queue(server, seconds=10)
        stop.set()
        answers = await asyncio.gather(*asked)

        assert waiting == 2
        assert {items[-1] for items in answers} == {Stopped()}
        await seconds_until_idle(server)
        assert await server_queue(server.endpoint) == 0

    async def test_ends_at_the_limit(self, server: ModelServer) -> None:
        items = await collect(server.chat(), ask("Count to one hundred.", max_tokens=5))

        usage = items[-2]
        assert isinstance(usage, UsageReport)
        assert usage.completion_tokens == 5
        assert items[-1] == Finished("length")

    async def test_takes_words_that_end_the_answer(self, server: ModelServer) -> None:
        question, options = "Say: one two three four", {"seed": 7, "top_p": 1}
        without = await collect(server.chat(), ask(question, options=options))
        request = ask(question, options={**options, "stop": [" two"]})

        items = await collect(server.chat(), request)

        assert " two" in text_of(without)
        assert " two" not in text_of(items)
        assert items[-1] == Finished("stop")

    async def test_takes_a_form_of_the_answer(self, server: ModelServer) -> None:
        schema = {
            "type": "object",
            "properties": {"city": {"enum": ["Paris", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        }
        form = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
        request = ask("Where is the Eiffel Tower?", options={"response_format": form})

        items = await collect(server.chat(), request)

        assert orjson.loads(text_of(items))["city"] in {"Paris", "Rome"}
        assert items[-1] == Finished("stop")

    @pytest.mark.parametrize("begun", ["The capital of France is", "The capital of France is "])
    async def test_continues_an_answer(self, begun: str, server: ModelServer) -> None:
        request = ask("What is the capital of France?", max_tokens=12, continue_text=begun)

        items = await collect(server.chat(), request)

        assert (begun + text_of(items)).startswith("The capital of France is Paris")

    async def test_goes_on_after_half_an_answer(self, server: ModelServer) -> None:
        request = ask("Why is the sky blue?", max_tokens=40)
        whole = text_of(await collect(server.chat(), request))
        begun = whole[: len(whole) // 2]

        rest = await collect(
            server.chat(), ask("Why is the sky blue?", max_tokens=40, continue_text=begun)
        )

        print(f"whole: {whole!r}, continued: {begun + text_of(rest)!r}")
        # Token for token it need not be the same: half a text is cut elsewhere than its tokens.
        assert text_of(rest)
        assert not text_of(rest).startswith(begun)

    async def test_answers_several_at_once_and_again(self, server: ModelServer) -> None:
        chat = server.chat()

        for _ in range(3):
            answers = await asyncio.gather(
                *(collect(chat, ask(f"Say {word}.", max_tokens=8)) for word in ("one", "two"))
            )
            assert [type(items[-1]) for items in answers] == [Finished] * 2

    async def test_frees_the_slot_when_it_is_stopped(self, server: ModelServer) -> None:
        stop = asyncio.Event()
        items: list[StreamItem] = []
        async with aclosing(server.chat().stream(STORY, stop=stop)) as stream:
            async for item in stream:
                items.append(item)
                if len(items) == 5:
                    assert await asyncio.to_thread(server.answers_at_work) == 1
                    began = time.monotonic()
                    stop.set()
        told = time.monotonic() - began
        await seconds_until_idle(server)
        freed = time.monotonic() - began

        print(f"told after {told:.3f} s, slot free after {freed:.3f} s")
        assert items[-1] == Stopped()
        assert freed < FREE_SECONDS

    async def test_frees_the_slot_when_it_is_stopped_before_the_first_byte(
        self, server: ModelServer
    ) -> None:
        stop, chat = asyncio.Event(), server.chat()
        await chat.capabilities()
        words = "word " * (server.context_tokens * 2 // 3)
        asked = asyncio.create_task(collect(chat, ask(words), stop=stop))
        while not await asyncio.to_thread(server.answers_at_work):
            assert not asked.done()

        began = time.monotonic()
        stop.set()
        items = await asked
        told = time.monotonic() - began
        await seconds_until_idle(server)
        freed = time.monotonic() - began

        print(f"told after {told:.3f} s, slot free after {freed:.3f} s")
        assert items == [Stopped()]
        assert told < FREE_SECONDS
        assert freed < FREE_SECONDS

    async def test_frees_the_slot_when_nobody_reads_on(self, server: ModelServer) -> None:
        async with aclosing(server.chat().stream(STORY, stop=asyncio.Event())) as items:
            assert isinstance(await anext(items), TextDelta)

        freed = await seconds_until_idle(server)

        print(f"slot free after {freed:.3f} s")
        assert freed < FREE_SECONDS

    @pytest.mark.parametrize("times", [1.5, 20], ids=["somewhat", "by far"])
    async def test_says_that_a_prompt_is_too_long(self, times: float, server: ModelServer) -> None:
        words = "word " * round(server.context_tokens * times)

        _, error = await collect_until_error(server.chat(), ask(words))

        print(f"{error.detail}: {error.said}")
        assert type(error) is PromptTooLong

    async def test_ends_where_the_context_does(self, server: ModelServer) -> None:
        words = "word " * (server.context_tokens - 100)
        request = ask(words, max_tokens=server.context_tokens, options={"ignore_eos": True})

        items = await collect(server.chat(), request)

        assert items[-1] == Finished("length")

    async def test_is_gone_when_it_is_killed_in_mid_answer(self, server: ModelServer) -> None:
        broken = await broken_off(server, server.kill)

        assert type(broken.error) is ServerGone
        assert broken.seconds < FREE_SECONDS


async def _highest_queue(server: ModelServer, *, seconds: float) -> int:
    """The longest queue seen until it was two, or the time is over."""
    deadline, highest = time.monotonic() + seconds, 0
    while highest < 2 and time.monotonic() < deadline:
        highest = max(highest, await server_queue(server.endpoint) or 0)
        await asyncio.sleep(0.1)
    return highest


@pytest.mark.django_db(transaction=True)
class ChatServiceTests:
    """A chat process that has the server behind it."""

    @pytest.fixture
    def person(self, transactional_db: None) -> User:  # noqa: ARG002 - the database comes first
        return make_user()

    @pytest.fixture
    def model(self, server: ModelServer, person: User) -> InferenceModel:  # noqa: ARG002 - as above
        model = make_model(is_default=True, prompt_tokens=400, output_tokens=300)
        make_endpoint(model, base_url=server.base_url, upstream_model=MODEL)
        return model

    @pytest.fixture
    def asking(self, model: InferenceModel, person: User) -> Iterator[ChatClient]:  # noqa: ARG002 - it answers
        with running_chat_process() as process, ChatClient(process, person) as client:
            yield client

    def test_answers(self, asking: ChatClient, person: User) -> None:
        asked = asking.ask(make_conversation(person).pk, "What is the capital city of Japan?")

        answer = asking.answer(PATIENCE_SECONDS)

        assert answer.end["type"] == "turn.completed"
        assert answer.text
        stored = Message.objects.get(pk=asked["answer"])
        assert stored.text == answer.text
        assert stored.completion_tokens

    def test_frees_the_slot_when_somebody_stops(
        self,
        server: ModelServer,
        asking: ChatClient,
        person: User,
    ) -> None:
        asked = asking.ask(make_conversation(person).pk, LONG)
        answer = asking.tokens(10, PATIENCE_SECONDS)
        assert server.answers_at_work() == 1

        began = time.monotonic()
        asking.send(type="stop", turn=asked["turn"])
        asking.answer(to=answer)
        server.seconds_until_idle()
        freed = time.monotonic() - began

        print(f"slot free after {freed:.3f} s")
        assert answer.end["type"] == "turn.stopped"
        assert freed < FREE_SECONDS

    def test_halves_a_prompt_that_is_too_long(
        self, server: ModelServer, model: InferenceModel, asking: ChatClient, person: User
    ) -> None:
        """Somebody entered a context in the admin that the server doesn't have."""
        model.context_tokens = server.context_tokens * 3
        model.prompt_tokens = round(server.context_tokens * 1.8)
        model.save()
        conversation = make_conversation(person)
        for _ in range(6):
            said = PARAGRAPH * (server.context_tokens // 60)
            make_turn(conversation, question=said, answer=said, state=TurnState.COMPLETED)

        asking.ask(conversation.pk, "Say hello to Anna.")
        answer = asking.answer(PATIENCE_SECONDS)

        assert answer.end["type"] == "turn.completed", answer.end
        assert answer.text
        usage = next(event for event in answer.events if event["type"] == "usage")
        assert server.context_tokens / 4 < usage["prompt_tokens"] < server.context_tokens

    def test_says_that_a_question_is_too_long_for_the_model(
        self, server: ModelServer, model: InferenceModel, asking: ChatClient, person: User
    ) -> None:
        model.context_tokens = server.context_tokens * 10
        model.prompt_tokens = server.context_tokens * 8
        model.save()

        asking.ask(make_conversation(person).pk, "7 " * (server.context_tokens * 2))
        answer = asking.answer(PATIENCE_SECONDS)

        assert answer.end["type"] == "turn.failed"
        assert answer.end["code"] == "inference-too-long"

    def test_goes_on_at_another_server_when_it_is_killed_in_mid_answer(
        self,
        server: ModelServer,
        model: InferenceModel,
        asking: ChatClient,
        person: User,
        tmp_path: Path,
    ) -> None:
        with llama_cpp(tmp_path) as other:
            other.ensure_running()
            make_endpoint(model, base_url=other.base_url, upstream_model=MODEL, priority=1)
            asked = asking.ask(make_conversation(person).pk, LONG)
            answer = asking.tokens(20, PATIENCE_SECONDS)
            shown = answer.text

            server.kill()
            asking.answer(PATIENCE_SECONDS, to=answer)

        assert answer.end["type"] == "turn.completed", answer.end
        assert answer.types.count("turn.resumed") == 1
        assert answer.text.startswith(shown)
        assert len(answer.text) > len(shown)
        assert Message.objects.get(pk=asked["answer"]).text == answer.text
