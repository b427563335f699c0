"""A whole run of the processes, and nobody's words or secrets in its logs."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from chatbot.accounts.models import Scope, User
from chatbot.accounts.services.tokens import issue_tokens
from chatbot.conversations.models import Conversation
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import ChatProcess, running_chat_process
from tests.chat_service.test_sse import stream
from tests.child_processes import child, child_environment, wait_until
from tests.factories.accounts import PASSWORD, make_api_key, make_user
from tests.factories.conversations import make_conversation
from tests.factories.inference import make_endpoint, make_model
from tests.fakes.scripted_server import running_scripted_server
from tests.servers import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
QUESTION = "PLANTED-QUESTION about my illness"
EMAIL = "planted.person@example.org"
UPSTREAM_KEY = "sk-PLANTED-UPSTREAM-KEY"


def lines_of(log: Path) -> list[dict[str, Any]]:
    """The log's lines; each is an object."""
    return [json.loads(line) for line in log.read_text().splitlines()]


class TestChatService:
    def test_logs_ids_and_neither_words_nor_secrets(self) -> None:
        person = make_user(email=EMAIL)
        conversation = make_conversation(person)
        _, key = make_api_key(person, Scope.CHAT)
        token = issue_tokens(user=person).access
        with running_scripted_server("--api-key", UPSTREAM_KEY) as upstream:
            make_endpoint(
                make_model(is_default=True), base_url=upstream.base_url, api_key=UPSTREAM_KEY
            )
            with running_chat_process(LOG_FORMAT="json", LOG_LEVEL="DEBUG") as chat:
                turn_id = _ask_in_many_ways(chat, person, conversation)
                _knock_with_secrets(chat, token=token, key=key)
                lines = lines_of(chat.process.log)

        failed = [line for line in lines if "failed" in line["message"]]
        assert len(failed) >= 4
        assert {"time", "level", "logger", "message", "process", "pid"} <= failed[0].keys()
        assert failed[0]["process"] == "chat_service"
        assert turn_id in {line["turn"] for line in failed}
        assert {line["user"] for line in failed} == {str(person.pk)}
        assert all(line["request"] for line in failed)
        everything = json.dumps(lines, ensure_ascii=False)
        assert "PLANTED" not in everything
        assert [word for word in (EMAIL, token, key, "eyJ") if word in everything] == []


class TestChatbot:
    def test_logs_ids_and_neither_words_nor_secrets(self, tmp_path: Path) -> None:
        person = make_user(email=EMAIL)
        conversation = make_conversation(person)
        port, log = free_port(), tmp_path / "log"
        environment = child_environment(settings_module="chatbot.settings.chatbot", home=tmp_path)
        words = ["-m", "gunicorn", "chatbot.wsgi:application", f"--bind=127.0.0.1:{port}"]
        words += ["--worker-class=gthread", "--no-control-socket", "--log-level=warning"]
        variables = {"LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}
        with (
            child(words, environment={**environment, **variables}, log=log),
            httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=20) as client,
        ):
            wait_until(lambda: _answers(client), seconds=30, what="web application")
            headers = {"X-Request-ID": "planned-request"}
            for password in (PASSWORD, f"{PASSWORD}2"):
                answer = client.post(
                    "auth/token", json={"email": EMAIL, "password": password}, headers=headers
                )
            asked = client.post(
                f"conversations/{conversation.pk}/messages",
                json={"text": QUESTION},
                headers={"Authorization": f"Bearer {issue_tokens(user=person).access}"},
            )

        everything = log.read_text()
        audited = [line for line in lines_of(log) if line["logger"] == "chatbot.audit"]
        assert (answer.status_code, asked.status_code) == (401, 202)
        assert answer.headers["X-Request-ID"] == "planned-request"
        assert {line["request"] for line in audited} == {"planned-request"}
        assert "PLANTED" not in everything
        assert [word for word in (EMAIL, PASSWORD, "eyJ") if word in everything] == []


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("healthz").is_success
    except httpx.TransportError:
        return False


def _ask_in_many_ways(chat: ChatProcess, person: User, conversation: Conversation) -> str:
    """Questions that are answered, refused, cut off, and complained about with their own words."""
    scripts: list[dict[str, object]] = [
        {"tokens": 5},
        {"die_after": 2},
        {"malformed_after": 1},
        {"error_in_stream_after": 1, "error_message": QUESTION},
        {"error_status": 400, "error_message": f"{QUESTION} {UPSTREAM_KEY}"},
    ]
    with ChatClient(chat, person) as client:
        for script in scripts:
            text = f"{QUESTION} {EMAIL} [[script {json.dumps(script)}]]"
            asked = client.ask(conversation.pk, text)
            client.answer()
        client.send(type="ask", conversation=str(conversation.pk), text=QUESTION, client_id="")
        client.until("error")
        client.send(type=QUESTION)
        client.until("error")
    turn_id: str = asked["turn"]
    return turn_id


def _knock_with_secrets(chat: ChatProcess, *, token: str, key: str) -> None:
    """Connections that are refused, with secrets where they don't belong."""
    foreign = {"Origin": "https://elsewhere.example", "Authorization": f"Bearer {token}"}
    wrong = {"Authorization": f"Bearer {key}x"}
    with pytest.raises(InvalidStatus):
        connect(f"{chat.websocket}?token={token}&email={EMAIL}", additional_headers=foreign)
    with connect(f"{chat.websocket}?{key}&q=PLANTED", additional_headers=wrong) as socket:
        assert "api-key-invalid" in str(socket.recv(timeout=10))
    with stream(chat, uuid4(), None, f"?token={token}") as response:
        assert response.status == 401
