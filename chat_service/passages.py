"""From a question to passages: embed it, search the brain."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from chat_service import metrics
from chat_service.database import in_database
from chat_service.endpoints import Directory
from chat_service.redis_clients import RedisAway, RedisGate
from chatbot.contracts import keys
from chatbot.contracts.errors import Unavailable
from chatbot.contracts.events import Source
from chatbot.retrieval.selectors import Passage, search

logger = logging.getLogger(__name__)


class HalfSearched(Unavailable):
    """Words found nothing and nobody embeds: what the documents say is not known."""

    code = "search-incomplete"

    def __init__(self) -> None:
        super().__init__(
            "The search by meaning is away, and the words of the question were found nowhere.",
            way_out="Try again in a moment, or ask with words that the documents use.",
        )


PASSAGES: Final = 8
FLAG_MILLISECONDS: Final = 2000
"""Ingestion waits no longer than this for a process that died."""
_FLAG: Final = keys.embedding_interactive()


class Retriever:
    """Searches for all turns of this process."""

    def __init__(self, directory: Directory, redis: Redis, gate: RedisGate) -> None:
        self._directory = directory
        self._redis = redis
        self._gate = gate
        self._embedding_now = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def passages(
        self, *, user_id: UUID, brain_id: UUID, question: str, typed: str = ""
    ) -> tuple[Source, ...]:
        """What the brain says about the question, best first; empty: nothing.

        Without an embedding the words alone are searched for.

        Args:
            user_id: who asks.
            brain_id: the brain.
            question: in words that stand alone.
            typed: the same question as it was typed, where that is something else. Its words are
                searched for, too: they find something where a model has led the question astray.

        Raises:
            HalfSearched: nothing was found by words, and there is no embedding for now.
            Unavailable: the database is away.
        """
        try:
            vector, is_half = await self._vector(question), False
        except Unavailable as error:
            logger.warning("a question was not embedded: %s", error)
            metrics.embedding_failed(error.error_code)
            vector, is_half = None, True
        found = await in_database(
            search,
            user_id=user_id,
            brain_id=brain_id,
            question=f"{question}\n{typed}",
            vector=vector,
            limit=PASSAGES,
        )
        if is_half and not found:
            raise HalfSearched
        return tuple(_source(ordinal, passage) for ordinal, passage in enumerate(found, 1))

    async def _vector(self, question: str) -> list[float] | None:
        client = await self._directory.embedding()
        if client is None:
            return None
        async with self._priority():
            return (await client.embed([question]))[0]

    @contextlib.asynccontextmanager
    async def _priority(self) -> AsyncIterator[None]:
        """Ingestion's embeddings yield while a question is embedded."""
        self._embedding_now += 1
        try:
            await self._tell(lambda: self._redis.set(_FLAG, b"1", px=FLAG_MILLISECONDS))
            yield
        finally:
            self._embedding_now -= 1
            if not self._embedding_now:
                # The question goes on meanwhile.
                task = asyncio.create_task(self._tell(lambda: self._redis.delete(_FLAG)))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _tell(self, command: Callable[[], Awaitable[object]]) -> None:
        with contextlib.suppress(RedisAway):
            await self._gate.call(command)


def _source(ordinal: int, passage: Passage) -> Source:
    return Source(
        ordinal=ordinal,
        document=str(passage.document_id),
        version=str(passage.version_id),
        title=passage.title,
        page_from=passage.page_from,
        page_to=passage.page_to,
        start=passage.start,
        end=passage.end,
        quote=passage.text,
    )
