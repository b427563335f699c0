"""The OpenAI-compatible door: `/v1/models` and `/v1/chat/completions`.

A completion is a turn like every other: it is asked through the same services, goes through the
same admission and the same log, and outlives its client. See docs/protocols/openai.md.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

from chat_service import metrics, tracing
from chat_service.access import find_start
from chat_service.auth import Credentials, Headers, Means, SignIn, credentials_of, sign_in
from chat_service.bodies import read_body
from chat_service.connection import Receive, Scope, Send, end_all
from chat_service.database import in_database
from chat_service.event_stream import disconnected
from chat_service.frames import sequence_number
from chat_service.openai_door_chunks import ChunkWriter
from chat_service.openai_door_errors import send_error
from chat_service.openai_door_models import listed_model, listed_models
from chat_service.openai_door_requests import CompletionRequest, parse_request
from chat_service.openai_door_results import (
    ID_PREFIX,
    Head,
    Result,
    completion,
    completion_id,
    stored_completion,
)
from chat_service.openai_door_stream import CompletionStream
from chat_service.problems import check_method, send_json
from chat_service.replica import Replica
from chatbot.contracts.errors import AppError, InvalidInput, NotAuthenticated, NotFound
from chatbot.conversations.models import Turn
from chatbot.conversations.selectors import get_completion, no_such_turn
from chatbot.conversations.services.completions import (
    ask_completion,
    delete_completion,
    stop_completion,
)
from chatbot.conversations.services.question_limit import count_question
from chatbot.conversations.services.turns import Asked, Claimer
from chatbot.log_lines import log_as
from chatbot.request_ids import request_id

_TRUE: Final = frozenset({"true", "1"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request with all that it takes to answer it."""

    scope: Scope
    receive: Receive
    send: Send
    headers: Headers

    @property
    def replica(self) -> Replica:
        replica: Replica = self.scope["state"]["replica"]
        return replica

    def argument(self, name: str) -> str:
        """A part of the address."""
        return str(self.scope["url_route"]["kwargs"][name])

    def asked(self, name: str) -> str:
        """The last value in the query; empty: there is none."""
        query: str = self.scope["query_string"].decode("latin-1")
        return parse_qs(query).get(name, [""])[-1]

    def credentials(self) -> Credentials:
        """Tokens only: a browser sends its cookie for other people's pages, too.

        Raises:
            NotAuthenticated: there is none.
        """
        credentials = credentials_of(self.headers)
        if credentials is None or credentials.means is not Means.TOKEN:
            raise NotAuthenticated(
                "The API key is missing.",
                way_out="Send a key with the scope chat as Authorization: Bearer.",
            )
        return credentials

    async def signed_in(self) -> SignIn:
        return await self.replica.sign_ins.sign_in(self.credentials())


Answer = Callable[[Call], Awaitable[None]]


def door(**answers: Answer) -> Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]:
    """An ASGI application that answers each method by its function."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive, send, Headers(scope["headers"]))
        log_as(request=request_id(call.headers.get("x-request-id")))
        try:
            check_method(scope, *answers)
            with metrics.connections.labels("openai").track_inprogress():
                await answers[scope["method"]](call)
        except AppError as error:
            with contextlib.suppress(OSError):
                await send_error(send, error)
        except ConnectionError:
            # The client went away while it sent its request.
            return

    return application


# --- models ---


async def _list_models(call: Call) -> None:
    person = await call.signed_in()
    models = await in_database(listed_models, user=person.user)
    await send_json(call.send, {"object": "list", "data": models})


async def _show_model(call: Call) -> None:
    person = await call.signed_in()
    model = await in_database(listed_model, user=person.user, name=call.argument("model"))
    await send_json(call.send, model)


# --- completions ---


async def _complete(call: Call) -> None:
    credentials = call.credentials()
    request = await _read(call)
    replica = call.replica
    tracing.follow(call.headers.get("traceparent"))
    known = replica.sign_ins.known(credentials)
    person, asked = await replica.begin(
        partial(_ask, known or credentials, request), user_id=known.user.pk if known else None
    )
    head = Head(completion_id(asked.turn_id.hex), request.completion.request)
    with replica.sign_ins.watched(person) as end:
        if request.is_streamed:
            writer = ChunkWriter(head, includes_usage=request.includes_usage, is_resumed=False)
            stream = CompletionStream(replica, writer, call.receive, call.send)
            await stream.tell(stream.turn(asked.turn_id, after=0), until=end)
        else:
            await _answer_whole(call, head, asked.turn_id)


async def _read(call: Call) -> CompletionRequest:
    """The request; whoever may not ask is told that before what is wrong with it."""
    body = await read_body(call.receive, announced=call.headers.get("content-length"))
    try:
        return parse_request(body, key=call.headers.get("idempotency-key"))
    except InvalidInput:
        await call.signed_in()
        raise


def _ask(
    who: SignIn | Credentials, request: CompletionRequest, claimer: Claimer | None
) -> tuple[SignIn, Asked]:
    """Everything between a request and its turn, in one call to a thread."""
    person = sign_in(who)
    count_question(user=person.user)
    asked = ask_completion(user=person.user, completion=request.completion, claimer=claimer)
    return person, asked


async def _answer_whole(call: Call, head: Head, turn_id: UUID) -> None:
    """Waits for the end of the answer, or for the client to go."""
    gathering = asyncio.create_task(_gathered(call.replica, turn_id))
    leaving = asyncio.create_task(disconnected(call.receive))
    try:
        await asyncio.wait({gathering, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_all({leaving} if gathering.done() else {gathering, leaving})
    if gathering.cancelled():
        return
    result = gathering.result()
    if result.failure is not None:
        raise result.failure
    await send_json(call.send, completion(head, result))


async def _gathered(replica: Replica, turn_id: UUID) -> Result:
    result = Result()
    entries = []
    async with contextlib.aclosing(replica.reader.batches(turn_id, after=0)) as batches:
        async for batch in batches:
            entries += batch
    result.apply(entries)
    return result


# --- a completion that has been asked for ---


async def _show(call: Call) -> None:
    person = await call.signed_in()
    turn_id = _turn_id(call)
    turn = await in_database(get_completion, user=person.user, turn_id=turn_id)
    if call.asked("stream").lower() in _TRUE:
        await _resume(call, person, turn)
    else:
        await send_json(call.send, await in_database(stored_completion, turn))


async def _resume(call: Call, person: SignIn, turn: Turn) -> None:
    after = _after(call)
    if after:
        metrics.resumed("openai")
    start = await find_start(call.replica, user_id=person.user.pk, turn_id=turn.pk, after=after)
    head = Head(completion_id(turn.pk.hex), turn.request or {})
    includes_usage = call.asked("include_usage").lower() in _TRUE
    writer = ChunkWriter(head, includes_usage=includes_usage, is_resumed=after > 0)
    with call.replica.sign_ins.watched(person) as end:
        stream = CompletionStream(call.replica, writer, call.receive, call.send)
        await stream.tell(
            stream.turn(turn.pk, after=0 if start.is_over else start.after), until=end
        )


async def _delete(call: Call) -> None:
    person = await call.signed_in()
    turn_id = _turn_id(call)
    await in_database(delete_completion, user=person.user, turn_id=turn_id)
    call.replica.stop(turn_id)
    body = {
        "id": completion_id(turn_id.hex),
        "object": "chat.completion.deleted",
        "deleted": True,
    }
    await send_json(call.send, body)


async def _cancel(call: Call) -> None:
    person = await call.signed_in()
    turn_id = _turn_id(call)
    await in_database(stop_completion, user=person.user, turn_id=turn_id)
    call.replica.stop(turn_id)
    turn = await in_database(get_completion, user=person.user, turn_id=turn_id)
    await send_json(call.send, await in_database(stored_completion, turn))


def _turn_id(call: Call) -> UUID:
    try:
        return UUID(call.argument("completion").removeprefix(ID_PREFIX))
    except ValueError:
        raise no_such_turn() from None


def _after(call: Call) -> int:
    text = call.headers.get("last-event-id") or call.asked("starting_after") or "0"
    after = sequence_number(text)
    if after is None:
        sentence = "That is not the number of an event."
        raise InvalidInput(sentence, fields={"starting_after": [sentence]})
    return after


async def _nothing(call: Call) -> None:
    path: Any = call.scope["path"]
    raise NotFound(
        f"There is no address {path[:200]!r}.",
        code="unknown_url",
        way_out="See docs/protocols/openai.md.",
    )


models = door(GET=_list_models)
model = door(GET=_show_model)
completions = door(POST=_complete)
completion_of_id = door(GET=_show, DELETE=_delete)
cancellation = door(POST=_cancel)
elsewhere = door(GET=_nothing, POST=_nothing, PUT=_nothing, PATCH=_nothing, DELETE=_nothing)
