"""Server-sent events: one turn, read by anything that speaks HTTP.

`GET /stream/turns/{id}`, from a sequence number: `?after=` or the header Last-Event-ID, which
browsers send by themselves when they reconnect. Event ids are sequence numbers.

`POST /stream/conversations/{id}/messages` asks a question, and its response is the answer's turn.
"""

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs
from uuid import UUID

from chat_service import metrics, tracing
from chat_service.access import Start, find_start, start_of
from chat_service.asking import ask_counted
from chat_service.auth import Credentials, Headers, SignIn, check_origin, credentials_of, sign_in
from chat_service.bodies import read_body
from chat_service.connection import Receive, Scope, Send
from chat_service.database import in_database
from chat_service.event_stream import HEADERS, EventStream
from chat_service.frames import sequence_number
from chat_service.problems import check_method, send_problem
from chat_service.questions import Question, parse_question
from chat_service.replica import Replica
from chat_service.stream_log import Entry
from chatbot.contracts.errors import AppError, InvalidInput, NotAuthenticated
from chatbot.conversations.services.turns import Asked, Claimer
from chatbot.log_lines import log_as
from chatbot.request_ids import request_id

if TYPE_CHECKING:
    import asyncio

RETRY_MILLISECONDS: Final = 1000
"""How long a browser waits before it connects again."""


async def turn_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind `/stream/turns/{id}`."""
    replica: Replica = scope["state"]["replica"]
    turn_id: UUID = scope["url_route"]["kwargs"]["turn_id"]
    headers = Headers(scope["headers"])
    log_as(request=request_id(headers.get("x-request-id")), turn=turn_id)
    try:
        check_method(scope, "GET")
        credentials, after = required_credentials(headers, needs_origin=False), _after(scope)
        known = replica.sign_ins.known(credentials)
        if known is None:
            reader, start = await in_database(_begin, credentials, turn_id, after)
        else:
            reader = known
            start = await find_start(replica, user_id=known.user.pk, turn_id=turn_id, after=after)
    except AppError as error:
        await send_problem(send, error)
        return
    log_as(user=reader.user.pk)
    if start.is_over:
        # Tells browsers not to connect again.
        await send({"type": "http.response.start", "status": 204, "headers": HEADERS[1:]})
        await send({"type": "http.response.body"})
        return
    if after:
        metrics.resumed("sse")
    await _tell(_TurnStream(replica, receive, send), replica, reader, turn_id, start.after)


async def asked_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind `/stream/conversations/{id}/messages`."""
    replica: Replica = scope["state"]["replica"]
    conversation_id: UUID = scope["url_route"]["kwargs"]["conversation_id"]
    headers = Headers(scope["headers"])
    log_as(request=request_id(headers.get("x-request-id")))
    try:
        check_method(scope, "POST")
        credentials = required_credentials(headers, needs_origin=True)
        body = await read_body(receive, announced=headers.get("content-length"))
        tracing.follow(headers.get("traceparent"))
        known = replica.sign_ins.known(credentials)
        question = parse_question(body)
        asker, asked = await replica.begin(
            partial(_ask, known or credentials, conversation_id, question),
            user_id=known.user.pk if known else None,
        )
        start = await find_start(replica, user_id=asker.user.pk, turn_id=asked.turn_id, after=0)
    except AppError as error:
        await send_problem(send, error)
        return
    except ConnectionError:
        # The client went away while it sent its question.
        return
    log_as(user=asker.user.pk, turn=asked.turn_id)
    await _tell(_TurnStream(replica, receive, send), replica, asker, asked.turn_id, start.after)


async def _tell(
    stream: "_TurnStream", replica: Replica, reader: SignIn, turn_id: UUID, after: int
) -> None:
    with (
        replica.sign_ins.watched(reader) as end,
        metrics.connections.labels("sse").track_inprogress(),
    ):
        await stream.tell(stream.turn(turn_id, after=after), until=end)


def required_credentials(headers: Headers, *, needs_origin: bool) -> Credentials:
    """What the reader signs in with.

    `needs_origin`: a cookie doesn't count without one, as where something is changed.

    Raises:
        NotAuthenticated: there is nothing.
        NotAllowed: the request comes from another site's page.
    """
    credentials = credentials_of(headers)
    check_origin(headers, credentials, needs_origin=needs_origin)
    if credentials is None:
        raise NotAuthenticated(
            "Nobody is signed in.", way_out="Sign in, or send an access token or an API key."
        )
    return credentials


def _begin(credentials: Credentials, turn_id: UUID, after: int) -> tuple[SignIn, Start]:
    """Who reads and from where, in one call to a thread."""
    reader = sign_in(credentials)
    return reader, start_of(user_id=reader.user.pk, turn_id=turn_id, after=after)


def _ask(
    who: SignIn | Credentials, conversation_id: UUID, question: Question, claimer: Claimer | None
) -> tuple[SignIn, Asked]:
    """Everything between a request and its turn, in one call to a thread."""
    asker = sign_in(who)
    asked = ask_counted(
        user=asker.user,
        conversation_id=conversation_id,
        text=question.text,
        client_id=question.client_id,
        parent_id=question.parent_id,
        claimer=claimer,
    )
    return asker, asked


def _after(scope: Scope) -> int:
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("after")
    text = Headers(scope["headers"]).get("last-event-id") or (asked[-1] if asked else "0")
    after = sequence_number(text)
    if after is None:
        raise InvalidInput(
            "That is not a sequence number.", fields={"after": ["Must be a sequence number."]}
        )
    return after


class BrowserStream(EventStream):
    """Browsers come back by themselves, to whichever process is there."""

    drain_seconds = 0.0

    def _first(self) -> bytes:
        return b"retry: %d\n\n" % RETRY_MILLISECONDS

    async def _end(self, _until: "asyncio.Future[AppError]") -> None:
        await self._send({"type": "http.response.body"})


class _TurnStream(BrowserStream):
    async def turn(self, turn_id: UUID, *, after: int) -> None:
        """Says the turn's events after a number; for `tell`."""
        await self._say(b"")
        batches = self._replica.reader.batches(turn_id, after=after)
        async with contextlib.aclosing(batches):
            async for batch in batches:
                await self._say(b"".join(map(_encoded, batch)))


def _encoded(one: Entry) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (one.seq, one.body)
