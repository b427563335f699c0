"""Server-sent events: what moves in a brain, for anything that speaks HTTP.

`GET /stream/brains/{id}/events`. The first event is `watching`: whoever reads the documents after
it misses no change. It comes again where changes may have been missed.
"""

import contextlib
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from chat_service import metrics
from chat_service.auth import Credentials, Headers, SignIn, sign_in
from chat_service.connection import Receive, Scope, Send
from chat_service.database import in_database
from chat_service.frames import error_frame
from chat_service.problems import check_method, send_problem
from chat_service.sse import BrowserStream, required_credentials
from chat_service.watching import changes_of
from chatbot.accounts.models import User
from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import AppError
from chatbot.contracts.events import Watching
from chatbot.log_lines import log_as
from chatbot.request_ids import request_id

if TYPE_CHECKING:
    from chat_service.replica import Replica


async def brain_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind `/stream/brains/{id}/events`."""
    replica: Replica = scope["state"]["replica"]
    brain_id: UUID = scope["url_route"]["kwargs"]["brain_id"]
    headers = Headers(scope["headers"])
    log_as(request=request_id(headers.get("x-request-id")))
    try:
        check_method(scope, "GET")
        credentials = required_credentials(headers, needs_origin=False)
        known = replica.sign_ins.known(credentials)
        reader = await in_database(_begin, known or credentials, brain_id)
    except AppError as error:
        await send_problem(send, error)
        return
    log_as(user=reader.user.pk)
    stream = _BrainStream(replica, receive, send)
    with (
        replica.sign_ins.watched(reader) as end,
        metrics.connections.labels("sse").track_inprogress(),
    ):
        await stream.tell(stream.brain(brain_id, user=reader.user), until=end)


def _begin(who: SignIn | Credentials, brain_id: UUID) -> SignIn:
    """Who reads, and may, in one call to a thread."""
    reader = sign_in(who)
    get_brain(user=reader.user, brain_id=brain_id)
    return reader


class _BrainStream(BrowserStream):
    async def brain(self, brain_id: UUID, *, user: User) -> None:
        """Says the brain's events, until the person is no member any more; for `tell`."""
        await self._say(b"")
        watching = orjson.dumps(Watching(type="watching", brain=str(brain_id)))
        changes = changes_of(self._replica, user=user, brain_id=brain_id, notice=watching)
        try:
            async with contextlib.aclosing(changes):
                async for change in changes:
                    await self._say(b"data: %b\n\n" % change)
        except AppError as error:
            frame = error_frame(error, {"brain": str(brain_id)})
            await self._say(b"data: %b\n\n" % orjson.dumps(frame))
