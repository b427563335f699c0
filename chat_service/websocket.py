"""The chat socket: one connection, many conversations, many turns.

What is sent is pulled: each subscription reads its turn's log and waits while the client is slow,
so a slow reader falls behind into the log and not into memory. Frames are worked on side by side,
questions in their order.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from chat_service import metrics, tracing
from chat_service.access import find_start
from chat_service.auth import (
    Credentials,
    Headers,
    Means,
    SignIn,
    check_origin,
    credentials_of,
)
from chat_service.connection import (
    CLOSE_NOT_ALLOWED,
    CLOSE_NOT_AUTHENTICATED,
    CLOSE_TRY_LATER,
    Connection,
    Disconnected,
    Receive,
    Scope,
    Send,
    end_all,
)
from chat_service.database import in_database
from chat_service.frames import Frame, InvalidFrame, error_frame, parse_frame
from chat_service.replica import Replica
from chat_service.watching import changes_of
from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import (
    AppError,
    LimitReached,
    NotAllowed,
    NotAuthenticated,
    Unavailable,
)
from chatbot.contracts.events import PROTOCOL_VERSION, AskedFrame, ReadyFrame
from chatbot.conversations.services.asking import Place
from chatbot.conversations.services.turns import Asked, request_stop
from chatbot.log_lines import log_as
from chatbot.request_ids import request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

AUTH_SECONDS: Final = 10.0
LAST_WORD_SECONDS: Final = 1.0
"""For whoever was signed out."""
MAX_SUBSCRIPTIONS: Final = 64
"""Turns, and as many brains."""
MAX_FRAMES_AT_WORK: Final = 16


async def chat_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind `/ws/chat`."""
    headers = Headers(scope["headers"])
    log_as(request=request_id(headers.get("x-request-id")))
    credentials = credentials_of(headers)
    await receive()
    try:
        check_origin(headers, credentials, needs_origin=True)
    except NotAllowed as error:
        logger.warning("socket refused: %s", error.error_code)
        metrics.refused(error.error_code)
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    connection = Connection(receive, send)
    with (
        contextlib.suppress(Disconnected),
        metrics.connections.labels("websocket").track_inprogress(),
    ):
        replica: Replica = scope["state"]["replica"]
        signed_in = await _sign_in(replica, connection, credentials)
        if signed_in is not None:
            tracing.follow(headers.get("traceparent"))
            await ChatSocket(replica, connection, signed_in).serve()


async def _sign_in(
    replica: Replica, connection: Connection, credentials: Credentials | None
) -> SignIn | None:
    """Who is there, by header, cookie or first frame; None: the socket was closed."""
    try:
        credentials = credentials or await _credentials_from_frame(connection)
        return await replica.sign_ins.sign_in(credentials)
    except AppError as error:
        await _show_out(connection, error)
        return None


async def _show_out(connection: Connection, error: AppError) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORD_SECONDS):
            await connection.send(error_frame(error, {}))
            await connection.close(_close_code(error))


async def _credentials_from_frame(connection: Connection) -> Credentials:
    try:
        async with asyncio.timeout(AUTH_SECONDS):
            frame = parse_frame(await connection.receive())
    except TimeoutError as error:
        raise NotAuthenticated(
            "Nobody signed in.", way_out="Send an auth frame within ten seconds."
        ) from error
    if frame.type != "auth":
        raise NotAuthenticated("Nobody is signed in.", way_out="Send an auth frame first.")
    return Credentials(Means.TOKEN, frame.fields["token"])


def _close_code(error: AppError) -> int:
    if isinstance(error, Unavailable):
        return CLOSE_TRY_LATER
    return CLOSE_NOT_ALLOWED if isinstance(error, NotAllowed) else CLOSE_NOT_AUTHENTICATED


class ChatSocket:
    """A signed-in connection."""

    def __init__(self, replica: Replica, connection: Connection, signed_in: SignIn) -> None:
        self._replica = replica
        self._connection = connection
        self._signed_in = signed_in
        self._user = signed_in.user
        log_as(user=self._user.pk)
        self._asking = asyncio.Lock()
        self._at_work = asyncio.Semaphore(MAX_FRAMES_AT_WORK)
        self._followed: dict[UUID, asyncio.Task[None]] = {}
        self._watched: dict[UUID, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._actions: Mapping[str, Callable[[Frame], Awaitable[None]]] = {
            "ask": self._ask,
            "continue": self._continue,
            "regenerate": self._regenerate,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "stop": self._stop,
            "watch": self._watch,
            "unwatch": self._unwatch,
            "ping": self._ping,
            "auth": self._refuse_auth,
        }

    async def serve(self) -> None:
        """Until the client goes or may not stay."""
        ready = ReadyFrame(type="ready", protocol=PROTOCOL_VERSION, user=str(self._user.pk))
        await self._connection.send(ready)
        with (
            self._replica.sign_ins.watched(self._signed_in) as end,
            self._replica.news.listening(self._user.pk, self._hear),
            self._replica.patience.watched(self._connection.sender) as stuck,
        ):
            ends = {
                asyncio.create_task(self._read()),
                asyncio.create_task(self._connection.gone()),
            }
            awaited: set[asyncio.Future[Any]] = {end, stuck, *ends}
            try:
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end_all(ends | self._tasks)
            if end.done():
                await _show_out(self._connection, end.result())

    async def _read(self) -> None:
        while True:
            text = await self._connection.receive()
            await self._at_work.acquire()
            self._spawn(self._work(text))

    async def _work(self, text: str) -> None:
        """Does what a frame says, or says why not."""
        echo: Mapping[str, str] = {}
        try:
            frame = parse_frame(text)
            echo = frame.echo
            await self._actions[frame.type](frame)
        except InvalidFrame as error:
            await self._connection.send(error_frame(error, error.echo))
        except AppError as error:
            await self._connection.send(error_frame(error, echo))
        except Disconnected:
            raise
        except Exception:
            logger.exception("a frame failed")
            failure = AppError("Something went wrong.", way_out="Try again.")
            await self._connection.send(error_frame(failure, echo))
        finally:
            self._at_work.release()

    # --- frames ---

    async def _ask(self, frame: Frame) -> None:
        self._check_room(self._followed)
        async with self._asking:
            asked = await self._replica.ask(
                user=self._user,
                conversation_id=frame.fields["conversation"],
                text=frame.fields["text"],
                client_id=frame.fields["client_id"],
                parent_id=frame.fields.get("parent", Place.END),
            )
        await self._tell_asked(asked, client_id=frame.fields["client_id"])

    async def _continue(self, frame: Frame) -> None:
        self._check_room(self._followed)
        asked = await self._replica.go_on(user=self._user, turn_id=frame.fields["turn"])
        await self._tell_asked(asked, client_id="")

    async def _regenerate(self, frame: Frame) -> None:
        self._check_room(self._followed)
        asked = await self._replica.regenerate(user=self._user, turn_id=frame.fields["turn"])
        await self._tell_asked(asked, client_id="")

    async def _tell_asked(self, asked: Asked, *, client_id: str) -> None:
        after = await self._start(asked.turn_id, after=0)
        answer = AskedFrame(
            type="asked",
            client_id=client_id,
            conversation=str(asked.conversation_id),
            turn=str(asked.turn_id),
            question=str(asked.question_id),
            answer=str(asked.answer_id),
        )
        await self._connection.send(answer)
        self._follow(asked.turn_id, after=after)

    async def _subscribe(self, frame: Frame) -> None:
        turn_id = frame.fields["turn"]
        if turn_id not in self._followed:
            self._check_room(self._followed)
        if frame.fields["after"]:
            metrics.resumed("websocket")
        self._follow(turn_id, after=await self._start(turn_id, after=frame.fields["after"]))

    async def _unsubscribe(self, frame: Frame) -> None:
        _cancel(self._followed.pop(frame.fields["turn"], None))

    async def _stop(self, frame: Frame) -> None:
        turn_id = frame.fields["turn"]
        if self._replica.writes_for(self._user.pk, turn_id):
            self._replica.stop(turn_id)
        else:
            await in_database(request_stop, user=self._user, turn_id=turn_id)

    async def _watch(self, frame: Frame) -> None:
        brain_id = frame.fields["brain"]
        if brain_id in self._watched:
            return
        self._check_room(self._watched)
        await in_database(get_brain, user=self._user, brain_id=brain_id)
        if brain_id not in self._watched:
            task = self._watched[brain_id] = self._spawn(self._tell_changes(brain_id))
            task.add_done_callback(lambda done: _forget(self._watched, brain_id, done))

    async def _unwatch(self, frame: Frame) -> None:
        _cancel(self._watched.pop(frame.fields["brain"], None))

    async def _ping(self, _frame: Frame) -> None:
        await self._connection.send({"type": "pong"})

    async def _refuse_auth(self, _frame: Frame) -> None:
        raise InvalidFrame("Somebody is signed in already.")

    # --- what comes by itself ---

    async def _start(self, turn_id: UUID, *, after: int) -> int:
        """Checks that the turn is the person's; the number to read from."""
        start = await find_start(self._replica, user_id=self._user.pk, turn_id=turn_id, after=after)
        return start.after

    def _follow(self, turn_id: UUID, *, after: int) -> None:
        _cancel(self._followed.pop(turn_id, None))
        task = self._spawn(self._tell_events(turn_id, after))
        self._followed[turn_id] = task
        task.add_done_callback(lambda done: _forget(self._followed, turn_id, done))

    async def _tell_events(self, turn_id: UUID, after: int) -> None:
        async with aclosing(self._replica.reader.batches(turn_id, after=after)) as batches:
            async for batch in batches:
                for one in batch:
                    await self._connection.send_text(one.body)

    def _hear(self, frame: bytes) -> None:
        self._spawn(self._connection.send_text(frame))

    async def _tell_changes(self, brain_id: UUID) -> None:
        """Until the person is no member any more, or the brain has gone."""
        changes = changes_of(self._replica, user=self._user, brain_id=brain_id)
        try:
            async with aclosing(changes):
                async for change in changes:
                    await self._connection.send_text(change)
        except AppError as error:
            await self._connection.send(error_frame(error, {"brain": str(brain_id)}))

    def _check_room(self, kept: Mapping[UUID, asyncio.Task[None]]) -> None:
        if len(kept) >= MAX_SUBSCRIPTIONS:
            raise LimitReached(
                f"This connection follows {MAX_SUBSCRIPTIONS} already.",
                code="too-many-subscriptions",
                way_out="End some of them, or open another connection.",
                retry_after_seconds=1,
            )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, Disconnected):
            logger.error("a subscription failed", exc_info=error)


def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()


def _forget(kept: dict[UUID, asyncio.Task[None]], key: UUID, task: asyncio.Task[None]) -> None:
    if kept.get(key) is task:
        del kept[key]
