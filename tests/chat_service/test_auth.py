"""Who may open a chat socket, and what they may reach."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from chat_service.frames import FRAME_TYPES
from chat_service.routing import application
from chatbot.accounts.models import ApiKey, Scope, User
from chatbot.accounts.services.api_keys import revoke_api_keys
from chatbot.accounts.services.tokens import LEEWAY_SECONDS, end_sessions, issue_tokens
from chatbot.accounts.services.users import change_password
from chatbot.brains.models import BrainRole
from chatbot.conversations.models import Conversation
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import ChatProcess
from tests.factories.accounts import PASSWORD, make_api_key, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.conversations import make_conversation, make_turn

pytestmark = pytest.mark.django_db(transaction=True)

OURS = "http://127.0.0.1:8080"
THEIRS = "https://evil.example"


@contextmanager
def socket(chat: ChatProcess, **headers: str) -> Iterator[ClientConnection]:
    """A connection with these headers; underscores stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with connect(chat.websocket, additional_headers=named, proxy=None) as opened:
        yield opened


def received(opened: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(opened.recv(timeout=15))
    return frame


def close_code(opened: ClientConnection) -> int:
    """Reads to the end."""
    with pytest.raises(ConnectionClosed) as closed:
        opened.recv(timeout=15)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def session_cookie(user: User) -> str:
    """The cookie of a browser in which somebody is signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


class TestSocket:
    def test_takes_an_access_token_in_the_header(self, chat: ChatProcess, person: User) -> None:
        with socket(chat, Authorization=f"Bearer {issue_tokens(user=person).access}") as opened:
            ready = received(opened)

        assert ready == {"type": "ready", "protocol": 1, "user": str(person.pk)}

    def test_takes_an_access_token_in_the_first_frame(
        self, chat: ChatProcess, person: User
    ) -> None:
        with socket(chat) as opened:
            opened.send(json.dumps({"type": "auth", "token": issue_tokens(user=person).access}))

            assert received(opened)["type"] == "ready"

    def test_takes_an_api_key_with_the_scope_chat(self, chat: ChatProcess, person: User) -> None:
        _, secret = make_api_key(person, Scope.CHAT)
        with socket(chat, Authorization=f"Bearer {secret}") as opened:
            assert received(opened)["user"] == str(person.pk)

    def test_takes_a_session_from_our_own_page(self, chat: ChatProcess, person: User) -> None:
        with socket(chat, Cookie=session_cookie(person), Origin=OURS) as opened:
            assert received(opened)["user"] == str(person.pk)

    def test_refuses_a_session_from_somebody_elses_page(
        self, chat: ChatProcess, person: User
    ) -> None:
        with (
            pytest.raises(InvalidStatus) as refused,
            socket(chat, Cookie=session_cookie(person), Origin=THEIRS),
        ):
            pass

        assert refused.value.response.status_code == 403

    @pytest.mark.parametrize(
        "origin",
        [
            pytest.param("null", id="sandboxed page"),
            pytest.param("http://127.0.0.1.evil.example", id="a name that begins like ours"),
            pytest.param("file://127.0.0.1", id="another scheme"),
            pytest.param("http://[", id="no address at all"),
        ],
    )
    def test_refuses_odd_origins(self, origin: str, chat: ChatProcess, person: User) -> None:
        with (
            pytest.raises(InvalidStatus),
            socket(chat, Cookie=session_cookie(person), Origin=origin),
        ):
            pass

    def test_refuses_a_session_without_an_origin(self, chat: ChatProcess, person: User) -> None:
        with pytest.raises(InvalidStatus), socket(chat, Cookie=session_cookie(person)):
            pass

    def test_refuses_a_session_that_has_ended(self, chat: ChatProcess, person: User) -> None:
        cookie = session_cookie(person)
        User.objects.filter(pk=person.pk).update(is_active=False)
        with socket(chat, Cookie=cookie, Origin=OURS) as opened:
            refused = received(opened)

            assert refused["code"] == "not-authenticated"
            assert close_code(opened) == 4401

    def test_refuses_a_wrong_token(self, chat: ChatProcess) -> None:
        with socket(chat, Authorization="Bearer nonsense") as opened:
            assert received(opened)["code"] == "token-invalid"
            assert close_code(opened) == 4401

    def test_refuses_an_api_key_without_the_scope(self, chat: ChatProcess, person: User) -> None:
        _, secret = make_api_key(person, Scope.BRAINS_READ)
        with socket(chat, Authorization=f"Bearer {secret}") as opened:
            assert received(opened)["code"] == "scope-missing"
            assert close_code(opened) == 4403

    def test_refuses_an_api_key_that_has_expired(self, chat: ChatProcess, person: User) -> None:
        key, secret = make_api_key(person, Scope.CHAT)
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(days=1))
        with socket(chat, Authorization=f"Bearer {secret}") as opened:
            assert received(opened)["code"] == "api-key-expired"

    def test_wants_authentication_before_anything_else(
        self, chat: ChatProcess, conversation: Conversation
    ) -> None:
        ask = {"type": "ask", "conversation": str(conversation.pk), "text": "?", "client_id": "1"}
        with socket(chat) as opened:
            opened.send(json.dumps(ask))

            assert received(opened)["code"] == "not-authenticated"
            assert close_code(opened) == 4401

    def test_takes_no_token_from_the_address(self, chat: ChatProcess, person: User) -> None:
        token = issue_tokens(user=person).access
        address = f"{chat.websocket}?token={token}&access_token={token}"
        with connect(address, proxy=None) as opened:
            opened.send(json.dumps({"type": "ping"}))

            assert received(opened)["code"] == "not-authenticated"

    @pytest.mark.slow
    def test_closes_when_nobody_signs_in(self, chat: ChatProcess) -> None:
        with socket(chat) as opened:
            assert received(opened)["code"] == "not-authenticated"
            assert close_code(opened) == 4401

    def test_is_only_where_it_is(self, chat: ChatProcess) -> None:
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(f"{chat.websocket}/elsewhere", proxy=None),
        ):
            pass

        assert refused.value.response.status_code == 403


def change_own_password(person: User, _key: ApiKey) -> None:
    change_password(user=person, current=PASSWORD, new="another-battery-staple")


def sign_out(_person: User, _key: ApiKey) -> None:
    Session.objects.all().delete()


def sign_out_everywhere(person: User, _key: ApiKey) -> None:
    end_sessions(user=person)


def close_account(person: User, _key: ApiKey) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)


def delete_account(person: User, _key: ApiKey) -> None:
    person.delete()


def set_password_at_the_shell(person: User, _key: ApiKey) -> None:
    person.set_password("another-battery-staple")
    person.save()


def revoke(_person: User, key: ApiKey) -> None:
    revoke_api_keys(key_ids=[key.pk])


def expire(_person: User, key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def lose_scope(_person: User, key: ApiKey) -> None:
    ApiKey.objects.filter(pk=key.pk).update(scopes=[Scope.BRAINS_READ])


Shown = dict[str, str]
Ending = Callable[[User, ApiKey], None]
WITHIN_SECONDS = 5
ENDS_ALL: list[Ending] = [close_account, delete_account]
ENDS_SESSIONS_AND_TOKENS: list[Ending] = [
    *ENDS_ALL,
    change_own_password,
    set_password_at_the_shell,
    sign_out_everywhere,
]
ENDINGS: dict[str, list[Ending]] = {
    "session": [*ENDS_SESSIONS_AND_TOKENS, sign_out],
    "token": ENDS_SESSIONS_AND_TOKENS,
    "key": [*ENDS_ALL, revoke, expire, lose_scope],
}
"""What ends each kind of credentials. API keys outlive a new password."""


class TestEnd:
    @pytest.fixture
    def key(self, person: User) -> tuple[ApiKey, str]:
        return make_api_key(person, Scope.CHAT)

    @pytest.fixture
    def shown(self, person: User, key: tuple[ApiKey, str]) -> dict[str, Shown]:
        """The headers of each kind of credentials."""
        return {
            "session": {"Cookie": session_cookie(person), "Origin": OURS},
            "token": {"Authorization": f"Bearer {issue_tokens(user=person).access}"},
            "key": {"Authorization": f"Bearer {key[1]}"},
        }

    @pytest.mark.parametrize(
        ("kind", "ending"),
        [
            pytest.param(kind, ending, id=f"{kind} {ending.__name__}")
            for kind, endings in ENDINGS.items()
            for ending in endings
        ],
    )
    def test_closes_the_socket_within_five_seconds(
        self,
        kind: str,
        ending: Ending,
        shown: dict[str, Shown],
        key: tuple[ApiKey, str],
        chat: ChatProcess,
        person: User,
    ) -> None:
        with socket(chat, **shown[kind]) as opened:
            received(opened)

            ending(person, key[0])
            ended_at = time.monotonic()

            assert received(opened)["code"] == "not-authenticated"
            assert close_code(opened) == 4401
            assert time.monotonic() - ended_at < WITHIN_SECONDS

    def test_leaves_everybody_elses_sockets_open(
        self, shown: dict[str, Shown], chat: ChatProcess, person: User
    ) -> None:
        somebody = make_user()
        with (
            socket(chat, **shown["token"]) as by_token,
            socket(chat, **shown["key"]) as by_key,
            ChatClient(chat, somebody) as others,
        ):
            received(by_token)
            received(by_key)

            end_sessions(user=person)
            ended = received(by_token)
            others.send(type="ping")
            by_key.send(json.dumps({"type": "ping"}))
            answers = [others.receive()["type"], received(by_key)["type"]]

        assert ended["code"] == "not-authenticated"
        assert answers == ["pong", "pong"]

    @pytest.mark.slow
    def test_of_an_access_tokens_time_ends_nothing(
        self, chat: ChatProcess, person: User, settings: Settings
    ) -> None:
        settings.ACCESS_TOKEN_SECONDS = 2 - LEEWAY_SECONDS
        with ChatClient(chat, person) as client:
            time.sleep(WITHIN_SECONDS)

            client.send(type="ping")

            assert client.receive()["type"] == "pong"


class TestRoutes:
    def test_are_those_whose_permissions_are_tested(self) -> None:
        routes = [
            (protocol, str(route.pattern))
            for protocol in ("websocket", "http")
            for route in application.application_mapping[protocol].routes
        ]

        assert routes == [
            ("websocket", "ws/chat"),
            ("websocket", ""),
            ("http", "stream/turns/<uuid:turn_id>"),
            ("http", "stream/conversations/<uuid:conversation_id>/messages"),
            ("http", "stream/brains/<uuid:brain_id>/events"),
            ("http", "stream/healthz"),
            ("http", "stream/readyz"),
            ("http", "stream/metrics"),
            ("http", "v1/models"),
            ("http", "v1/models/<path:model>"),
            ("http", "v1/chat/completions"),
            ("http", "v1/chat/completions/<completion>"),
            ("http", "v1/chat/completions/<completion>/cancel"),
            ("http", "v1/<path:address>"),
            ("http", ""),
        ]


ABOUT_THINGS = {
    "ask": {"text": "?", "client_id": "1"},
    "subscribe": {},
    "stop": {},
    "continue": {},
    "regenerate": {},
    "watch": {},
}
ABOUT_THE_CONNECTION = {"auth", "ping", "unsubscribe", "unwatch"}


class TestForeignThings:
    def test_are_tried_with_every_frame_that_names_one(self) -> None:
        assert ABOUT_THINGS.keys() | ABOUT_THE_CONNECTION == FRAME_TYPES

    @pytest.mark.parametrize("kind", ABOUT_THINGS)
    def test_are_not_there(
        self, kind: str, chat: ChatProcess, outsider: User, conversation: Conversation
    ) -> None:
        turn = make_turn(conversation)
        foreign = {
            "conversation": conversation.pk,
            "turn": turn.pk,
            "brain": make_brain(owner=conversation.user).pk,
        }
        frame = {"type": kind, **ABOUT_THINGS[kind]}

        with ChatClient(chat, outsider) as client:
            client.send(**{name: str(one) for name, one in foreign.items()}, **frame)
            refused = client.receive()
            client.send(**{name: str(uuid4()) for name in foreign}, **frame)
            absent = client.receive()

        assert (refused["type"], refused["code"]) == ("error", "not-found")
        assert refused["sentence"] == absent["sentence"]

    def test_are_closed_to_somebody_who_left_the_brain(
        self, client: ChatClient, person: User
    ) -> None:
        brain = make_brain(owner=make_user())
        conversation = make_conversation(person, brain=brain)

        client.send(type="ask", conversation=str(conversation.pk), text="?", client_id="1")

        assert client.receive()["code"] == "brain-closed"

    def test_can_be_watched_by_a_viewer(self, client: ChatClient, person: User) -> None:
        brain = make_brain(owner=make_user())
        add_member(brain, person, BrainRole.VIEWER)

        client.send(type="watch", brain=str(brain.pk))
        client.send(type="ping")

        assert client.receive()["type"] == "pong"
