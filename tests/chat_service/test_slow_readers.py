"""Readers that stop reading: they cost nothing for long, and lose nothing."""

import socket
import time

import pytest
from psutil import Process

from chatbot.accounts.models import User
from chatbot.accounts.services.tokens import issue_tokens
from chatbot.conversations.models import Conversation, Message
from chatbot.conversations.services import ask
from tests.chat_service.processes import ChatProcess
from tests.chat_service.test_sse import events_of, stream
from tests.child_processes import wait_until
from tests.fakes.scripted_server import ScriptedServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

BUFFER_BYTES = 4096


def stuck_reader(chat: ChatProcess, turn_id: object, user: User) -> socket.socket:
    """Asks for the events, and reads none of them."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    reader.connect(("127.0.0.1", chat.port))
    lines = (
        f"GET /stream/turns/{turn_id} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {issue_tokens(user=user).access}",
        "",
        "",
    )
    reader.sendall("\r\n".join(lines).encode())
    return reader


def is_connected(chat: ChatProcess, reader: socket.socket) -> bool:
    port = reader.getsockname()[1]
    return any(port in one.raddr[1:] for one in Process(chat.process.pid).net_connections("tcp"))


class TestTurnStream:
    def test_drops_whoever_takes_nothing_and_tells_them_everything_later(
        self,
        chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=500, rate=25, token_bytes=500)
        asked = ask(user=person, conversation_id=conversation.pk, text="What?")
        with stuck_reader(chat, asked.turn_id, person) as reader:
            wait_until(lambda: is_connected(chat, reader), seconds=5, what="connection")

            began = time.monotonic()
            wait_until(lambda: not is_connected(chat, reader), seconds=20, what="end")
            seconds = time.monotonic() - began

        assert 10 < seconds < 18
        with stream(chat, asked.turn_id, person) as response:
            answer = events_of(response)
        assert answer.end["type"] == "turn.completed"
        assert answer.text == Message.objects.get(pk=asked.answer_id).text
