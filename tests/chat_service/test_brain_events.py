"""News of a brain as server-sent events."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest

from chat_service.event_stream import HEARTBEAT
from chat_service.patience import QUIET_SECONDS
from chat_service.watching import RECHECK_SECONDS
from chatbot import jobs
from chatbot.accounts.models import Scope, User
from chatbot.accounts.services.tokens import end_sessions
from chatbot.brains.models import Brain, BrainRole
from chatbot.documents.services import cancel_document
from tests.chat_service.processes import ChatProcess
from tests.chat_service.test_sse import blocks_of, responding
from tests.chat_service.test_watching import change
from tests.factories.accounts import make_api_key, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.documents import make_document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def brain(person: User) -> Brain:
    return make_brain(owner=person)


@contextmanager
def stream(
    chat: ChatProcess, brain_id: object, user: User | None, method: str = "GET", **headers: str
) -> Iterator[http.client.HTTPResponse]:
    """The response of /stream/brains/{id}/events."""
    address = f"/stream/brains/{brain_id}/events"
    with responding(chat, method, address, user, headers=headers) as response:
        yield response


def events_of(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    for block in blocks_of(response):
        if "data" in block:
            yield json.loads(block["data"])


class TestBrainStream:
    def test_tells_when_it_watches_and_then_every_change(
        self, chat: ChatProcess, person: User, brain: Brain
    ) -> None:
        document = make_document(brain, title="Plan")
        with stream(chat, brain.pk, person) as response:
            events = events_of(response)
            first = next(events)

            cancel_document(user=person, document_id=document.pk)
            jobs.announce_document(change(str(brain.pk), 1))
            told = list(islice(events, 2))

        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert first == {"type": "watching", "brain": str(brain.pk)}
        assert (told[0]["document"], told[0]["state"]) == (str(document.pk), "cancelled")
        assert told[1] == change(str(brain.pk), 1)

    def test_tells_a_second_reader_at_once_that_it_watches(
        self, chat: ChatProcess, person: User, brain: Brain
    ) -> None:
        with stream(chat, brain.pk, person) as one, stream(chat, brain.pk, person) as two:
            began = [next(events_of(response))["type"] for response in (one, two)]

        assert began == ["watching", "watching"]

    def test_does_not_know_brains_of_others(self, chat: ChatProcess, brain: Brain) -> None:
        stranger = make_user()

        with stream(chat, brain.pk, stranger) as response:
            foreign = json.load(response)
        with stream(chat, uuid4(), stranger) as response:
            absent = json.load(response)

        assert foreign == absent
        assert (foreign["status"], foreign["code"]) == (404, "not-found")

    def test_wants_to_know_who_is_there_and_may(
        self, chat: ChatProcess, person: User, brain: Brain
    ) -> None:
        _, secret = make_api_key(person, Scope.BRAINS_READ)

        with stream(chat, brain.pk, None) as response:
            nobody = response.status
        with stream(chat, brain.pk, None, Authorization=f"Bearer {secret}") as response:
            key = response.status
        with stream(chat, brain.pk, person, Origin="https://evil.example") as response:
            page = response.status
        with stream(chat, brain.pk, person, "POST") as response:
            post = response.status

        assert (nobody, key, page, post) == (401, 403, 403, 405)

    def test_ends_for_somebody_who_was_signed_out(
        self, chat: ChatProcess, person: User, brain: Brain
    ) -> None:
        with stream(chat, brain.pk, person) as response:
            next(events_of(response))

            end_sessions(user=person)
            ended_at = time.monotonic()
            response.read()

        assert time.monotonic() - ended_at < 5

    @pytest.mark.slow
    def test_ends_when_the_person_has_left_the_brain(self, chat: ChatProcess, person: User) -> None:
        brain = make_brain(owner=make_user())
        membership = add_member(brain, person, BrainRole.VIEWER)
        with stream(chat, brain.pk, person) as response:
            events = events_of(response)
            next(events)

            membership.delete()
            time.sleep(RECHECK_SECONDS)
            jobs.announce_document(change(str(brain.pk), 1))
            rest = list(events)

        assert [(event["type"], event["code"]) for event in rest] == [("error", "not-found")]

    @pytest.mark.slow
    def test_says_that_it_is_still_there(
        self, chat: ChatProcess, person: User, brain: Brain
    ) -> None:
        with stream(chat, brain.pk, person) as response:
            next(events_of(response))
            began = time.monotonic()
            line = response.readline()

        assert line == HEARTBEAT.partition(b"\n")[0] + b"\n"
        assert time.monotonic() - began < QUIET_SECONDS + 5
