"""Every endpoint, every role. An endpoint without a row fails `TestTable`."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from chatbot.accounts.models import Scope, User
from chatbot.brains.models import BrainRole
from chatbot.conversations.models import TurnState
from chatbot.documents.models import VersionState
from chatbot.urls import api
from tests.factories.accounts import PASSWORD, make_api_key, make_group, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.documents import make_document, store_content
from tests.factories.uploads import begin_upload, make_batch
from tests.factories.webhooks import make_delivery, make_webhook

JSON: Final = "application/json"


class Statuses(NamedTuple):
    """What each role gets. `key` is an API key of the owner that lacks the scope."""

    anonymous: int
    stranger: int
    viewer: int
    editor: int
    owner: int
    group_viewer: int
    """In the brain through a group, as the next two."""
    group_editor: int
    group_owner: int
    admin: int
    """An administrator who is no member of the brain."""
    key: int


def everybody(status: int) -> Statuses:
    return Statuses._make([status] * len(Statuses._fields))


def signed_in(status: int, *, key: int = 403) -> Statuses:
    return everybody(status)._replace(anonymous=401, key=key)


def members(*, viewer: int, editor: int, owner: int) -> Statuses:
    in_brain = (viewer, editor, owner)
    return Statuses(401, 404, *in_brain, *in_brain, admin=404, key=403)


def own(status: int) -> Statuses:
    """The owner's alone, as conversations are, whatever roles others have in the brain."""
    return everybody(404)._replace(anonymous=401, owner=status, key=403)


@dataclass(frozen=True)
class Row:
    method: str
    name: str
    statuses: Statuses
    path: dict[str, str] = field(default_factory=dict)
    """Arguments of the address: what the world calls the ids."""
    body: dict[str, Any] | None = None
    body_ids: dict[str, str] = field(default_factory=dict)
    """What the body names besides: fields, and what the world calls the ids."""

    def __str__(self) -> str:
        return f"{self.method} {self.name}"

    def address(self, ids: dict[str, Any]) -> str:
        return reverse(self.name, kwargs={key: ids[called] for key, called in self.path.items()})


READERS = members(viewer=200, editor=200, owner=200)
EDITORS = members(viewer=403, editor=200, owner=200)
BRAIN = {"brain_id": "brain"}
MEMBER = {"brain_id": "brain", "member_id": "member"}
MEMBER_ELSEWHERE = {"brain_id": "brain", "member_id": "member_elsewhere"}
FAILED = {"document_id": "document"}
READING = {"document_id": "reading"}
CONVERSATION = {"conversation_id": "conversation"}
TURN = {"turn_id": "turn"}
UPLOAD = {"upload_id": "upload"}
BATCH = {"batch_id": "batch"}
WEBHOOK = {"webhook_id": "webhook"}
DELIVERY = {"delivery_id": "delivery"}
CREDENTIALS = {"email": "kim@example.com", "password": PASSWORD}
NEW_ACCOUNT = {"email": "new@example.com", "password": "another-battery-staple"}

TABLE: Final = [
    Row("GET", "healthz", everybody(200)),
    Row("GET", "readyz", everybody(200)),
    Row("GET", "site", everybody(200)),
    Row("GET", "schema", everybody(200)),
    Row("GET", "docs", everybody(200)),
    # --- accounts ---
    Row("POST", "token", everybody(200), body=CREDENTIALS),
    Row("POST", "token-refresh", everybody(401), body={"refresh": "wrong"}),
    Row("GET", "csrf", everybody(200)),
    Row("POST", "login", everybody(200), body=CREDENTIALS),
    Row("POST", "logout", everybody(204)),
    Row("POST", "sign-up", everybody(201), body=NEW_ACCOUNT),
    Row("GET", "me", signed_in(200, key=200)),
    Row("PATCH", "me", signed_in(200), body={"name": "Kim"}),
    Row("POST", "password", signed_in(400), body={"current": "wrong", "new": "x"}),
    Row("GET", "api-keys", signed_in(200)),
    Row("POST", "api-keys", signed_in(201), body={"name": "New", "scopes": ["chat"]}),
    Row("DELETE", "api-key", own(204), path={"key_id": "api_key"}),
    Row("GET", "groups", signed_in(200)),
    # --- models and brains ---
    Row("GET", "models", signed_in(200)),
    Row("GET", "brains", signed_in(200)),
    Row("POST", "brains", signed_in(201), body={"name": "New"}),
    Row("GET", "brain", READERS, path=BRAIN),
    Row(
        "PATCH",
        "brain",
        members(viewer=403, editor=403, owner=200),
        path=BRAIN,
        body={"name": "New"},
    ),
    Row("DELETE", "brain", members(viewer=403, editor=403, owner=204), path=BRAIN),
    Row("GET", "members", READERS, path=BRAIN),
    Row(
        "POST",
        "members",
        members(viewer=403, editor=403, owner=201),
        path=BRAIN,
        body={"email": "kim@example.com", "role": "viewer"},
    ),
    Row(
        "PATCH",
        "member",
        members(viewer=403, editor=403, owner=200),
        path=MEMBER,
        body={"role": "editor"},
    ),
    Row("DELETE", "member", members(viewer=403, editor=403, owner=204), path=MEMBER),
    # --- documents ---
    Row("GET", "documents", READERS, path=BRAIN),
    Row("POST", "documents", members(viewer=403, editor=202, owner=202), path=BRAIN),
    Row("GET", "document", READERS, path=FAILED),
    Row("DELETE", "document", members(viewer=403, editor=204, owner=204), path=FAILED),
    Row("POST", "document-retry", members(viewer=403, editor=202, owner=202), path=FAILED),
    Row("POST", "document-cancel", members(viewer=403, editor=202, owner=202), path=READING),
    Row("POST", "document-reread", members(viewer=403, editor=202, owner=202), path=FAILED),
    Row("GET", "file", READERS, path=FAILED),
    Row("GET", "pages", READERS, path=FAILED),
    Row("GET", "page", READERS, path={**FAILED, "number": "first_page"}),
    Row("POST", "documents-retry-failed", members(viewer=403, editor=202, owner=202), path=BRAIN),
    # --- webhooks ---
    Row("GET", "webhooks", EDITORS, path=BRAIN),
    Row(
        "POST",
        "webhooks",
        members(viewer=403, editor=201, owner=201),
        path=BRAIN,
        body={"url": "https://receiver.example/", "events": ["document.ready"]},
    ),
    Row("GET", "webhook", EDITORS, path=WEBHOOK),
    Row("PATCH", "webhook", EDITORS, path=WEBHOOK, body={"description": "New"}),
    Row("DELETE", "webhook", members(viewer=403, editor=204, owner=204), path=WEBHOOK),
    Row("POST", "webhook-secret", EDITORS, path=WEBHOOK),
    Row("POST", "webhook-test", members(viewer=403, editor=202, owner=202), path=WEBHOOK),
    Row("GET", "deliveries", EDITORS, path=WEBHOOK),
    Row("POST", "delivery-resend", members(viewer=403, editor=202, owner=202), path=DELIVERY),
    # --- uploads and batches ---
    Row("POST", "uploads", members(viewer=403, editor=201, owner=201)),
    Row("GET", "upload", own(200), path=UPLOAD),
    Row("PATCH", "upload", own(204), path=UPLOAD),
    Row("DELETE", "upload", own(204), path=UPLOAD),
    Row("POST", "upload-finish", own(409), path=UPLOAD),
    Row(
        "POST",
        "batches",
        members(viewer=403, editor=202, owner=202),
        path=BRAIN,
        body={"items": [{"ref": "1"}]},
    ),
    Row("GET", "batch", READERS, path=BATCH),
    Row("GET", "batch-items", READERS, path=BATCH),
    Row("POST", "batch-retry", members(viewer=403, editor=202, owner=202), path=BATCH),
    Row("POST", "batch-cancel", members(viewer=403, editor=202, owner=202), path=BATCH),
    # --- conversations and jobs ---
    Row("GET", "conversations", signed_in(200)),
    Row("POST", "conversations", signed_in(201), body={}),
    Row("GET", "conversation", own(200), path=CONVERSATION),
    Row("PATCH", "conversation", own(200), path=CONVERSATION, body={"title": "New"}),
    Row("DELETE", "conversation", own(204), path=CONVERSATION),
    Row("GET", "messages", own(200), path=CONVERSATION),
    Row("POST", "messages", own(202), path=CONVERSATION, body={"text": "Why?"}),
    Row("GET", "turn", own(200), path=TURN),
    Row("POST", "turn-stop", own(202), path=TURN),
    Row("POST", "turn-continue", own(202), path=TURN),
    Row("POST", "turn-regenerate", own(202), path=TURN),
    Row("POST", "jobs", signed_in(202), body={"kind": "chat", "text": "Why?"}),
    Row("GET", "job", READERS._replace(key=404), path={"job_id": "job"}),
]
"""A job's key has the scope of chat: for it there are no ingestions."""

VARIANTS: Final = [
    Row(
        "POST",
        "conversations",
        members(viewer=201, editor=201, owner=201),
        body={},
        body_ids={"brain": "brain"},
    ),
    Row("GET", "job", own(200)._replace(key=200), path={"job_id": "turn"}),
    Row(
        "POST",
        "jobs",
        members(viewer=202, editor=202, owner=202),
        body={"kind": "chat", "text": "Why?"},
        body_ids={"brain": "brain"},
    ),
    Row(
        "POST",
        "jobs",
        own(202),
        body={"kind": "chat", "text": "Why?"},
        body_ids={"conversation": "conversation"},
    ),
    Row("PATCH", "conversation", own(200), path=CONVERSATION, body_ids={"leaf": "answer"}, body={}),
    Row("PATCH", "conversation", own(404), path=CONVERSATION, body_ids={"leaf": "brain"}, body={}),
    Row(
        "POST",
        "messages",
        own(202),
        path=CONVERSATION,
        body={"text": "Why?"},
        body_ids={"parent": "answer"},
    ),
    Row(
        "POST",
        "messages",
        own(404),
        path=CONVERSATION,
        body={"text": "Why?"},
        body_ids={"parent": "answer_elsewhere"},
    ),
    Row(
        "PATCH",
        "member",
        members(viewer=403, editor=403, owner=404),
        path=MEMBER_ELSEWHERE,
        body={"role": "editor"},
    ),
    Row(
        "DELETE",
        "member",
        members(viewer=403, editor=403, owner=404),
        path=MEMBER_ELSEWHERE,
    ),
]
"""The same endpoints with other things."""

SCOPES: Final = {
    **dict.fromkeys(["GET models", "GET groups"], Scope.BRAINS_WRITE),
    **dict.fromkeys(["GET job"], Scope.CHAT),
}
"""What the key has where it isn't, as usual, everything but what such an endpoint needs."""


def endpoints(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    """Every method of every address, as rows name them."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from endpoints(pattern.url_patterns)
        else:
            view = getattr(pattern.callback, "cls", None)
            methods = {"get", "post", "put", "patch", "delete"} & set(
                dir(view) if view else ["get"]
            )
            yield from (f"{method.upper()} {pattern.name}" for method in methods)


@dataclass(frozen=True)
class World:
    people: dict[str, User]
    ids: dict[str, Any]


@pytest.fixture
def world(settings: Settings) -> World:
    settings.SIGN_UP_OPEN = True
    make_user(email=CREDENTIALS["email"])
    people = {role: make_user() for role in ("stranger", "viewer", "editor", "owner")}
    people["admin"] = make_user(is_admin=True)
    owner = people["owner"]
    brain = make_brain(owner=owner)
    add_member(brain, people["viewer"], BrainRole.VIEWER)
    add_member(brain, people["editor"], BrainRole.EDITOR)
    for role in BrainRole:
        person = people[f"group_{role.name.lower()}"] = make_user()
        add_member(brain, make_group(person), role)
    elsewhere = make_brain(owner=make_user())
    failed = make_document(brain, state=VersionState.FAILED, pages=["Some text."])
    store_content(failed, b"%PDF-1.7")
    reading = make_document(brain, state=VersionState.READING)
    conversation = make_conversation(owner, brain=brain)
    turn = make_turn(conversation, state=TurnState.STOPPED)
    upload = begin_upload(owner, brain, length=5)
    webhook = make_webhook(brain)
    ids = {
        "webhook": webhook.pk,
        "delivery": make_delivery(webhook).pk,
        "brain": brain.pk,
        "member": add_member(brain, make_user(), BrainRole.VIEWER).pk,
        "member_elsewhere": elsewhere.memberships.get().pk,
        "document": failed.pk,
        "reading": reading.pk,
        "first_page": 1,
        "job": failed.current_version_id,
        "conversation": conversation.pk,
        "turn": turn.pk,
        "upload": upload.pk,
        "batch": make_batch(owner, brain).pk,
        "answer": turn.answer_id,
        "answer_elsewhere": make_turn(make_conversation(owner)).answer_id,
        "api_key": make_api_key(owner)[0].pk,
    }
    return World(people, ids)


def key_without_scope(row: Row, owner: User) -> str:
    scopes = [Scope.CHAT] if row.method == "GET" else [Scope.CHAT, Scope.BRAINS_READ]
    if row.name.startswith(("conversation", "message", "turn", "jobs")):
        scopes = [Scope.BRAINS_READ, Scope.BRAINS_WRITE]
    return make_api_key(owner, *([SCOPES[str(row)]] if str(row) in SCOPES else scopes))[1]


def client_of(role: str, row: Row, world: World) -> Client:
    if role == "key":
        secret = key_without_scope(row, world.people["owner"])
        return Client(headers={"Authorization": f"Bearer {secret}"})
    client = Client()
    if role != "anonymous":
        client.force_login(world.people[role])
    return client


class TestTable:
    def test_has_a_row_for_every_endpoint(self) -> None:
        assert sorted(map(str, TABLE)) == sorted(endpoints(api))

    def test_covers_everything_below_the_api(self) -> None:
        found = [
            pattern
            for pattern in get_resolver().url_patterns
            if str(pattern.pattern) not in {"admin/", "metrics"}
        ]

        assert [str(pattern.pattern) for pattern in found] == ["api/v1/"]


def answer_of(role: str, row: Row, world: World, ids: dict[str, Any]) -> HttpResponse:
    """What comes back; its body is read by whoever needs it."""
    call = getattr(client_of(role, row, world), row.method.lower())
    if row.method == "GET":
        request: dict[str, Any] = {}
    elif row.name in {"upload", "uploads"}:
        request = bytes_for(ids["brain"])
    elif str(row) == "POST documents":
        request = {"data": {"file": SimpleUploadedFile("note.txt", b"Some text.")}}
    else:
        named = {name: str(ids[called]) for name, called in row.body_ids.items()}
        body = None if row.body is None else {**row.body, **named}
        request = {"data": body, "content_type": JSON}
    response: HttpResponse = call(row.address(ids), **request)
    return response


def bytes_for(brain_id: object) -> dict[str, Any]:
    """No bytes, for an upload to the brain."""
    told = base64.b64encode(str(brain_id).encode()).decode()
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "5",
        "Upload-Offset": "0",
        "Upload-Metadata": f"brain {told}",
    }
    return {"data": b"", "content_type": "application/offset+octet-stream", "headers": headers}


@pytest.mark.django_db
@pytest.mark.parametrize("role", Statuses._fields)
@pytest.mark.parametrize("row", [*TABLE, *VARIANTS], ids=str)
class TestPermissions:
    def test_are_as_the_table_says(self, row: Row, role: str, world: World) -> None:
        with closing(answer_of(role, row, world, world.ids)) as response:
            assert response.status_code == getattr(row.statuses, role)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "row", [row for row in [*TABLE, *VARIANTS] if row.statuses.stranger == 404], ids=str
)
class TestForeignThings:
    def test_look_as_if_they_were_not_there(self, row: Row, world: World) -> None:
        absent = {name: uuid4() for name in world.ids} | {"first_page": 1}

        foreign = json.loads(answer_of("stranger", row, world, world.ids).content)
        nothing = json.loads(answer_of("stranger", row, world, absent).content)

        assert foreign == nothing
