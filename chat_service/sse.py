"""Server-sent events: one turn, read by anything that speaks HTTP.

`GET /stream/turns/{id}`, from a sequence number: `?after=` or the header Last-Event-ID, which
browsers send by themselves when they reconnect. Event ids are sequence numbers.
"""

import asyncio
import contextlib
import time
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

from chat_service import metrics
from chat_service.access import Start, start_of
from chat_service.auth import Credentials, Headers, SignIn, check_origin, credentials_of, sign_in
from chat_service.connection import SEND_SECONDS, Receive, Scope, Send, Sender, end_all
from chat_service.database import in_database
from chat_service.event_stream import HEADERS, HEARTBEAT, HEARTBEAT_SECONDS, disconnected
from chat_service.frames import sequence_number
from chat_service.problems import send_problem
from chat_service.replica import Replica
from chat_service.stream_log import Entry
from chatbot.contracts.errors import AppError, InvalidInput, NotAuthenticated
from chatbot.log_lines import log_as
from chatbot.request_ids import request_id

RETRY_MILLISECONDS: Final = 1000
"""How long a browser waits before it connects again."""


async def turn_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind `/stream/turns/{id}`."""
    replica: Replica = scope["state"]["replica"]
    turn_id: UUID = scope["url_route"]["kwargs"]["turn_id"]
    headers = Headers(scope["headers"])
    log_as(request=request_id(headers.get("x-request-id")), turn=turn_id)
    try:
        if scope["method"] != "GET":
            raise InvalidInput("Events can only be read.", way_out="Use GET.")
        credentials, after = _credentials(headers), _after(scope)
        known = replica.sign_ins.known(credentials)
        here = replica.start_for(known.user.pk, turn_id, after=after) if known else None
        if known is not None and here is not None:
            reader, start = known, Start(here, is_over=False)
        else:
            reader, start = await in_database(_begin, known or credentials, turn_id, after)
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
    with (
        replica.sign_ins.watched(reader) as end,
        metrics.connections.labels("sse").track_inprogress(),
    ):
        await _Stream(replica, receive, send).tell(turn_id, after=start.after, until=end)


def _credentials(headers: Headers) -> Credentials:
    credentials = credentials_of(headers)
    check_origin(headers, credentials, is_socket=False)
    if credentials is None:
        raise NotAuthenticated(
            "Nobody is signed in.", way_out="Sign in, or send an access token or an API key."
        )
    return credentials


def _begin(who: SignIn | Credentials, turn_id: UUID, after: int) -> tuple[SignIn, Start]:
    """Who reads and from where, in one call to a thread."""
    reader = sign_in(who)
    return reader, start_of(user_id=reader.user.pk, turn_id=turn_id, after=after)


def _after(scope: Scope) -> int:
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("after")
    text = Headers(scope["headers"]).get("last-event-id") or (asked[-1] if asked else "0")
    after = sequence_number(text)
    if after is None:
        raise InvalidInput(
            "That is not a sequence number.", fields={"after": ["Must be a sequence number."]}
        )
    return after


class _Stream:
    """One response. It ends with the turn, the client, this process, or when the reader may not."""

    def __init__(self, replica: Replica, receive: Receive, send: Send) -> None:
        self._replica = replica
        self._receive = receive
        self._send = Sender(send)
        self._has_begun = asyncio.Event()
        self._said_at = time.monotonic()

    async def tell(self, turn_id: UUID, *, after: int, until: "asyncio.Future[AppError]") -> None:
        ends = {
            asyncio.create_task(self._tell_events(turn_id, after)),
            asyncio.create_task(self._beat()),
            asyncio.create_task(disconnected(self._receive)),
            asyncio.create_task(self._replica.draining.wait()),
        }
        with self._replica.patience.watched(self._send) as stuck:
            awaited: set[asyncio.Future[Any]] = {until, stuck, *ends}
            try:
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end_all(ends)
            if not stuck.done():
                await self._end()

    async def _tell_events(self, turn_id: UUID, after: int) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await self._say(b"retry: %d\n\n" % RETRY_MILLISECONDS)
        self._has_begun.set()
        batches = self._replica.reader.batches(turn_id, after=after)
        async with contextlib.aclosing(batches):
            async for batch in batches:
                await self._say(b"".join(map(_encoded, batch)))

    async def _beat(self) -> None:
        """Says something whenever nothing was said for a while."""
        await self._has_begun.wait()
        while True:
            quiet = time.monotonic() - self._said_at
            if quiet >= HEARTBEAT_SECONDS:
                await self._say(HEARTBEAT)
                quiet = 0.0
            await asyncio.sleep(HEARTBEAT_SECONDS - quiet)

    async def _say(self, body: bytes) -> None:
        self._said_at = time.monotonic()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _end(self) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(SEND_SECONDS):
                await self._send({"type": "http.response.body"})


def _encoded(one: Entry) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (one.seq, one.body)
