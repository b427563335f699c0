"""Server-sent events, read with a plain HTTP client."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest

from chat_service.bodies import BODY_BYTES
from chatbot.accounts.models import Scope, User
from chatbot.accounts.services.tokens import end_sessions, issue_tokens
from chatbot.conversations.models import Conversation, Message, Turn, TurnState
from chatbot.conversations.services import ask
from tests.chat_service.client import Answer, ChatClient, applied
from tests.chat_service.processes import ChatProcess
from tests.chat_service.test_auth import OURS, session_cookie
from tests.factories.accounts import make_api_key, make_user
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.fakes.script import generated
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def stream(
    chat: ChatProcess, turn_id: object, user: User | None, query: str = "", **headers: str
) -> Iterator[http.client.HTTPResponse]:
    """The response of /stream/turns/{id}."""
    address = f"/stream/turns/{turn_id}{query}"
    with responding(chat, "GET", address, user, headers=headers) as response:
        yield response


@contextmanager
def asked(
    chat: ChatProcess,
    conversation_id: object,
    user: User | None,
    body: object = None,
    **headers: str,
) -> Iterator[http.client.HTTPResponse]:
    """The response of /stream/conversations/{id}/messages."""
    address = f"/stream/conversations/{conversation_id}/messages"
    body = {"text": "What?"} if body is None else body
    with responding(chat, "POST", address, user, body, headers) as response:
        yield response


@contextmanager
def responding(
    chat: ChatProcess,
    method: str,
    address: str,
    user: User | None,
    body: object = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[http.client.HTTPResponse]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if user is not None:
        sent["Authorization"] = f"Bearer {issue_tokens(user=user).access}"
    encoded = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", chat.port, timeout=20)
    try:
        connection.request(method, address, body=encoded, headers=sent)
        yield connection.getresponse()
    finally:
        connection.close()


def events_of(response: http.client.HTTPResponse, count: int | None = None) -> Answer:
    """Applies events to the end of the response, or so many; their ids are their numbers."""
    found: list[dict[str, Any]] = []
    for block in blocks_of(response):
        if "data" in block:
            event = json.loads(block["data"])
            assert int(block["id"]) == event["seq"]
            found.append(event)
        if len(found) == count:
            break
    return applied(found)


def blocks_of(response: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    block: dict[str, str] = {}
    while line := response.readline().decode():
        name, _, value = line.rstrip("\n").partition(": ")
        if name:
            block[name] = value
            continue
        yield block
        block = {}


class TestTurnStream:
    def test_tells_a_question_that_came_over_rest(
        self,
        chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=50, rate=200)

        asked = ask(user=person, conversation_id=conversation.pk, text="What?")
        with stream(chat, asked.turn_id, person) as response:
            answer = events_of(response)

        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.types == ["turn.started", "token", "usage", "turn.completed"]
        assert answer.text == generated(50)

    @pytest.mark.parametrize("way", ["header", "query"])
    def test_goes_on_where_the_reader_was(
        self,
        way: str,
        chat: ChatProcess,
        client: ChatClient,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=80, rate=100)
        asked = client.ask(conversation.pk, "What?")
        with stream(chat, asked["turn"], person) as response:
            begun = events_of(response, count=10)
        headers = {"header": {"Last_Event_ID": str(begun.seq)}, "query": {}}[way]
        query = {"header": "", "query": f"?after={begun.seq}"}[way]

        with stream(chat, asked["turn"], person, query, **headers) as response:
            rest = events_of(response)

        whole = applied([*begun.events, *rest.events])
        assert whole.text == generated(80)
        assert [event["seq"] for event in whole.events] == list(range(1, whole.seq + 1))

    def test_has_nothing_more_for_somebody_who_saw_the_end(
        self, chat: ChatProcess, client: ChatClient, person: User, conversation: Conversation
    ) -> None:
        asked = client.ask(conversation.pk, "What?")
        answer = client.answer()

        with stream(chat, asked["turn"], person, Last_Event_ID=str(answer.seq)) as response:
            assert (response.status, response.read()) == (204, b"")

    def test_ends_for_somebody_who_was_signed_out(
        self,
        chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=300, rate=10)
        asked = ask(user=person, conversation_id=conversation.pk, text="What?")
        with stream(chat, asked.turn_id, person) as response:
            events_of(response, count=3)

            end_sessions(user=person)
            ended_at = time.monotonic()
            rest = response.read().decode()

        assert time.monotonic() - ended_at < 5
        assert "turn.completed" not in rest

    def test_wants_to_know_who_is_there(self, chat: ChatProcess) -> None:
        with stream(chat, uuid4(), None) as response:
            problem = json.load(response)

        assert (response.status, problem["code"]) == (401, "not-authenticated")
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.headers["WWW-Authenticate"]

    def test_does_not_know_somebody_elses_turn(
        self, chat: ChatProcess, outsider: User, conversation: Conversation
    ) -> None:
        turn = make_turn(conversation, state=TurnState.COMPLETED)

        with stream(chat, turn.pk, outsider) as response:
            foreign = json.load(response)
        with stream(chat, uuid4(), outsider) as response:
            absent = json.load(response)

        assert foreign == absent
        assert (foreign["status"], foreign["code"]) == (404, "not-found")

    def test_is_closed_to_an_api_key_without_the_scope(
        self, chat: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        _, secret = make_api_key(person, Scope.BRAINS_READ)
        turn = make_turn(conversation, state=TurnState.COMPLETED)

        with stream(chat, turn.pk, None, Authorization=f"Bearer {secret}") as response:
            assert (response.status, json.load(response)["code"]) == (403, "scope-missing")

    @pytest.mark.parametrize(
        "after", ["x", "-1", "1e3", "9" * 19, "9" * 30, "0" * 5000, "0" * 19 + "19" * 9, "\u0661"]
    )
    def test_refuses_a_number_that_is_none(
        self, after: str, chat: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        turn = make_turn(conversation)

        with stream(chat, turn.pk, person, Last_Event_ID=after.encode().decode("latin-1")) as got:
            problem = json.load(got)

        assert (got.status, problem["code"]) == (400, "invalid-input")

    def test_refuses_other_peoples_pages(self, chat: ChatProcess, person: User) -> None:
        with stream(chat, uuid4(), person, Origin="https://evil.example") as response:
            assert response.status == 403

    def test_has_no_other_addresses(self, chat: ChatProcess, person: User) -> None:
        with stream(chat, "not-an-id", person) as response:
            assert (response.status, json.load(response)["code"]) == (404, "not-found")


class TestAskedStream:
    def test_tells_the_answer(
        self,
        chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=50, rate=200)

        with asked(chat, conversation.pk, person, {"text": "뇌간은 무엇인가?"}) as response:
            answer = events_of(response)

        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.types == ["turn.started", "token", "usage", "turn.completed"]
        assert answer.text == generated(50)
        stored = Turn.objects.select_related("question", "answer").get()
        assert stored.question.text == "뇌간은 무엇인가?"
        assert stored.answer.text == generated(50)
        assert {event["turn"] for event in answer.events} == {str(stored.pk)}

    def test_is_read_on_elsewhere_after_the_last_number(
        self,
        chat: ChatProcess,
        other_chat: ChatProcess,
        person: User,
        conversation: Conversation,
        scripted_server: ScriptedServer,
    ) -> None:
        scripted_server.script(tokens=80, rate=100)
        with asked(chat, conversation.pk, person) as response:
            begun = events_of(response, count=10)
        turn_id = begun.events[0]["turn"]

        with stream(other_chat, turn_id, person, Last_Event_ID=str(begun.seq)) as response:
            rest = events_of(response)

        assert applied([*begun.events, *rest.events]).text == generated(80)

    def test_asks_once_with_the_same_client_id(
        self, chat: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        body = {"text": "What?", "client_id": "1"}
        with asked(chat, conversation.pk, person, body) as response:
            first = events_of(response)

        with asked(chat, conversation.pk, person, body) as response:
            again = events_of(response)

        assert Turn.objects.count() == 1
        assert again.text == first.text

    def test_changes_a_question_behind_its_parent(
        self, chat: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        for text, parent in (("What?", {}), ("Who?", {"parent": None})):
            with asked(chat, conversation.pk, person, {"text": text, **parent}) as response:
                events_of(response)

        begins = Message.objects.filter(parent=None).values_list("text", flat=True)
        assert set(begins) == {"What?", "Who?"}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            pytest.param(b"{", None, id="no JSON"),
            pytest.param([], None, id="no object"),
            pytest.param({}, "text", id="no question"),
            pytest.param({"text": " "}, "text", id="an empty question"),
            pytest.param({"text": 1}, "text", id="a number"),
            pytest.param({"text": "?", "client_id": "x" * 65}, "client_id", id="a long id"),
            pytest.param({"text": "?", "parent": "x"}, "parent", id="no id"),
            pytest.param({"text": "?", "parent": 1}, "parent", id="a number as id"),
        ],
    )
    def test_says_what_is_wrong(
        self,
        body: object,
        field: str | None,
        chat: ChatProcess,
        person: User,
        conversation: Conversation,
    ) -> None:
        with asked(chat, conversation.pk, person, body) as response:
            problem = json.load(response)

        assert (problem["status"], problem["code"]) == (400, "invalid-input")
        assert next(iter(problem.get("fields", {})), None) == field
        assert not Turn.objects.exists()

    def test_refuses_what_is_too_large(
        self, chat: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        with asked(chat, conversation.pk, person, b" " * (BODY_BYTES + 1)) as response:
            problem = json.load(response)

        assert (problem["status"], problem["code"]) == (413, "too-large")

    def test_takes_questions_only(
        self, chat: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        address = f"/stream/conversations/{conversation.pk}/messages"
        with responding(chat, "GET", address, person) as response:
            assert (response.status, json.load(response)["code"]) == (405, "method-not-allowed")

    def test_does_not_know_somebody_elses_conversation(
        self, chat: ChatProcess, outsider: User, conversation: Conversation
    ) -> None:
        with asked(chat, conversation.pk, outsider) as response:
            foreign = json.load(response)
        with asked(chat, uuid4(), outsider) as response:
            absent = json.load(response)

        assert foreign == absent
        assert (foreign["status"], foreign["code"]) == (404, "not-found")
        assert not Turn.objects.exists()

    def test_is_closed_to_somebody_who_left_the_brain(
        self, chat: ChatProcess, person: User
    ) -> None:
        conversation = make_conversation(person, brain=make_brain(owner=make_user()))

        with asked(chat, conversation.pk, person) as response:
            assert (response.status, json.load(response)["code"]) == (403, "brain-closed")

    def test_is_closed_to_an_api_key_without_the_scope(
        self, chat: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        _, secret = make_api_key(person, Scope.BRAINS_READ)

        with asked(chat, conversation.pk, None, Authorization=f"Bearer {secret}") as response:
            assert (response.status, json.load(response)["code"]) == (403, "scope-missing")

    def test_wants_to_know_who_is_there(
        self, chat: ChatProcess, conversation: Conversation
    ) -> None:
        with asked(chat, conversation.pk, None) as response:
            assert (response.status, json.load(response)["code"]) == (401, "not-authenticated")

    def test_takes_a_session_from_our_own_page(
        self, chat: ChatProcess, person: User, conversation: Conversation
    ) -> None:
        headers = {"Cookie": session_cookie(person), "Origin": OURS}

        with asked(chat, conversation.pk, None, **headers) as response:
            assert events_of(response).types[-1] == "turn.completed"

    @pytest.mark.parametrize(
        ("origin", "code"),
        [
            pytest.param({}, "origin-missing", id="nobody says whose page"),
            pytest.param({"Origin": "https://evil.example"}, "origin-refused", id="another page"),
        ],
    )
    def test_refuses_a_session_from_elsewhere(
        self,
        origin: dict[str, str],
        code: str,
        chat: ChatProcess,
        person: User,
        conversation: Conversation,
    ) -> None:
        with asked(
            chat, conversation.pk, None, Cookie=session_cookie(person), **origin
        ) as response:
            assert (response.status, json.load(response)["code"]) == (403, code)

        assert not Turn.objects.exists()
