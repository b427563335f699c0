import asyncio
from typing import TYPE_CHECKING

import pytest

from chatbot.inference.connectors.errors import BadRequest, MalformedAnswer, ServerGone
from chatbot.inference.connectors.protocol import (
    ChatRequest,
    EndpointConfig,
    Message,
    Stopped,
    TextDelta,
)
from chatbot.inference.connectors.session import SessionChat
from chatbot.inference.connectors.sessions import KnownSession, MemorySessions
from tests.inference.connectors.streams import (
    collect,
    collect_until_error,
    connector_of,
    question,
    text_of,
)

if TYPE_CHECKING:
    from tests.fakes.scripted_server import ScriptedServer

SYSTEM: Message = {"role": "system", "content": "Be kind."}


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def asked(*messages: Message, model: str = "lab/large", key: str = "c-1") -> ChatRequest:
    return ChatRequest(model=model, messages=messages, max_tokens=99, conversation_key=key)


def texts(server: "ScriptedServer") -> list[list[str]]:
    return [[part["text"] for part in request["parts"]] for request in server.requests()]


@pytest.fixture
def chat(scripted_server: "ScriptedServer") -> SessionChat:
    scripted_server.script(text="Because.")
    return SessionChat(EndpointConfig(scripted_server.address, "any"), MemorySessions())


class TestSessionChat:
    async def test_gives_the_answer_in_one_piece(self, chat: SessionChat) -> None:
        items = await collect(chat, asked(user("Why?")))

        assert [item for item in items if isinstance(item, TextDelta)] == [TextDelta("Because.")]

    @pytest.mark.parametrize(
        ("model", "provider", "meant"),
        [
            ("lab/large", {}, ("lab", "large")),
            ("lab/a/b", {}, ("lab", "a/b")),
            ("large", {}, ("", "large")),
            ("a/large", {"provider": "lab"}, ("lab", "a/large")),
        ],
        ids=["lab/large", "lab/a/b", "large", "given"],
    )
    async def test_names_provider_and_model(
        self,
        scripted_server: "ScriptedServer",
        model: str,
        provider: dict[str, str],
        meant: tuple[str, str],
    ) -> None:
        chat = connector_of("session", scripted_server.address, options=provider)

        await collect(chat, asked(user("Why?"), model=model))

        (sent,) = scripted_server.requests()
        assert (sent["providerID"], sent["modelID"]) == meant

    async def test_tells_a_session_only_what_is_new(
        self, scripted_server: "ScriptedServer", chat: SessionChat
    ) -> None:
        await collect(chat, asked(SYSTEM, user("Why?")))
        await collect(chat, asked(SYSTEM, user("Why?"), assistant("Because."), user("And?")))

        assert texts(scripted_server) == [["Be kind.", "Why?"], ["Be kind.", "And?"]]
        assert scripted_server.stats()["sessions_made"] == 1

    async def test_has_one_session_for_each_conversation(
        self, scripted_server: "ScriptedServer", chat: SessionChat
    ) -> None:
        for key in ("c-1", "c-2"):
            await collect(chat, asked(user("Why?"), key=key))

        assert scripted_server.stats()["sessions_made"] == 2

    async def test_tells_a_new_session_what_was_said_when_the_old_one_is_lost(
        self, scripted_server: "ScriptedServer", chat: SessionChat
    ) -> None:
        await collect(chat, asked(user("Why?")))
        scripted_server.reset()

        await collect(chat, asked(user("Why?"), assistant("Because."), user("And?")))

        assert texts(scripted_server) == [
            ["The conversation so far:\n\nUser: Why?\n\nAssistant: Because.", "And?"]
        ]

    @pytest.mark.parametrize(
        "messages",
        [
            (user("Why not?"),),
            (user("Why?"), assistant("Because. But"), user("And?")),
        ],
        ids=["the first question again", "another answer"],
    )
    async def test_begins_anew_where_the_session_remembers_something_else(
        self,
        scripted_server: "ScriptedServer",
        chat: SessionChat,
        messages: tuple[Message, ...],
    ) -> None:
        await collect(chat, asked(user("Why?")))

        await collect(chat, asked(*messages))

        assert scripted_server.stats()["sessions_made"] == 2

    async def test_asks_without_a_conversation_in_a_session_of_its_own(
        self, scripted_server: "ScriptedServer", chat: SessionChat
    ) -> None:
        for _ in range(2):
            await collect(chat, asked(user("Why?"), key=""))

        assert scripted_server.stats()["sessions_made"] == 2

    async def test_tells_the_server_that_it_was_stopped(
        self, scripted_server: "ScriptedServer", chat: SessionChat
    ) -> None:
        scripted_server.script(delay_ms=9000)
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, stop.set)

        items = await collect(chat, asked(user("Why?")), stop=stop)

        assert items == [Stopped()]
        assert scripted_server.stats()["aborts_asked"] == 1

    @pytest.mark.parametrize("after", [0, 1, 40])
    async def test_gives_nothing_of_an_answer_that_broke_off(
        self, scripted_server: "ScriptedServer", chat: SessionChat, after: int
    ) -> None:
        scripted_server.script(die_after=after)

        text, error = await collect_until_error(chat, asked(user("Why?")))

        assert text == ""
        assert type(error) is ServerGone

    @pytest.mark.parametrize(
        ("script", "kind"),
        [({"malformed_after": 0}, MalformedAnswer), ({"error_in_stream_after": 0}, ServerGone)],
        ids=["half of it", "an error in it"],
    )
    async def test_names_faults(
        self,
        scripted_server: "ScriptedServer",
        chat: SessionChat,
        script: dict[str, int],
        kind: type[Exception],
    ) -> None:
        scripted_server.script(**script)

        _, error = await collect_until_error(chat, asked(user("Why?")))

        assert type(error) is kind

    async def test_takes_as_long_as_an_answer_may(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(tokens=5, delay_ms=700)
        chat = connector_of("session", scripted_server.address)

        items = await collect(chat, question())

        assert len(text_of(items).split()) == 5

    async def test_refuses_what_it_can_not_do(self, chat: SessionChat) -> None:
        with pytest.raises(ValueError, match="can't continue"):
            await collect(chat, question(continue_text="Once"))
        with pytest.raises(BadRequest):
            await collect(chat, question(options={"tools": [{}]}))


class TestMemorySessions:
    async def test_forget_the_oldest(self) -> None:
        sessions = MemorySessions(limit=2)

        for key in ("a", "b", "a", "c"):
            await sessions.put(key, KnownSession(key, ""))

        assert await sessions.get("b") is None
        assert await sessions.get("a") == KnownSession("a", "")
