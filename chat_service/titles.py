"""Titles of conversations by a model, where an administrator has chosen one for that.

A conversation is named after the beginning of its first question. Once its first answer is stored,
the model may find a better name: only where a place is free at once, within seconds, and unless
the person has named it meanwhile. Nobody waits for it, and where it comes to nothing the title
stays what it is.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final
from uuid import UUID, uuid4

from chat_service import metrics, tracing
from chat_service.admission import Admission, Waiter
from chat_service.database import in_database
from chat_service.endpoints import Directory
from chat_service.news import News
from chat_service.short_replies import (
    DATA_RULE,
    ShortReply,
    first_line,
    language_of,
    marked,
    short_reply,
)
from chat_service.token_estimate import beginning
from chatbot.contracts.errors import AppError
from chatbot.contracts.events import NOTHING_FOUND, ConversationTitled
from chatbot.conversations.models import TurnState
from chatbot.conversations.selectors import is_titled
from chatbot.conversations.services.answers import Outcome
from chatbot.conversations.services.claims import Claim
from chatbot.conversations.services.conversations import name_conversation
from chatbot.conversations.services.turns import title_of
from chatbot.inference.connectors.protocol import Message

TITLE_TOKENS: Final = 24
TITLE_SECONDS: Final = 5.0
MOST_AT_ONCE: Final = 8
"""Of this process; conversations beyond that keep the title that they have."""
QUESTION_TOKENS: Final = 200
ANSWER_TOKENS: Final = 200

_RULES: Final = (
    "You name conversations. Say what the conversation is about in two to six words. Reply with "
    f"the title only, in {{language}}: no quotes, no full stop, no explanation. {DATA_RULE}"
)
_LABELS: Final = r"(?:(?:conversation|chat) )?title|제목|대화 제목"


class Titles:
    """Those that this process finds."""

    def __init__(
        self,
        *,
        admission: Admission,
        directory: Directory,
        news: News,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._admission = admission
        self._directory = directory
        self._news = news
        self._spawn = spawn
        self._under_way = 0

    def answered(self, claim: Claim, outcome: Outcome) -> None:
        """An answer is stored: a title may be found for its conversation. Returns at once."""
        model_id = self._directory.title_model_id
        if model_id is None or not _is_first_answer(claim, outcome):
            return
        if self._under_way >= MOST_AT_ONCE:
            metrics.titled("busy")
            return
        self._under_way += 1
        self._spawn(self._find(model_id, claim, outcome.text))

    async def _find(self, model_id: UUID, claim: Claim, answer: str) -> None:
        try:
            with tracing.span("title", calls_out=True):
                metrics.titled(await self._outcome(model_id, claim, answer))
        except AppError as error:
            metrics.titled(error.error_code)
        finally:
            self._under_way -= 1

    async def _outcome(self, model_id: UUID, claim: Claim, answer: str) -> str:
        """Names the conversation; says what came of it."""
        now = title_of(claim.question)
        if not await in_database(is_titled, conversation_id=claim.conversation_id, title=now):
            return "kept"
        serving = await self._directory.serving_at_leisure(model_id)
        waiter = Waiter(uuid4(), claim.user_id, lambda _position, _seconds: None)
        gauges = [endpoint.gauge for endpoint in serving.endpoints]
        async with self._admission.free_place(gauges, waiter) as gauge:
            if gauge is None:
                return "busy"
            endpoint = next(one for one in serving.endpoints if one.gauge == gauge)
            reply = await short_reply(
                endpoint,
                title_messages(claim.question, answer),
                max_tokens=TITLE_TOKENS,
                seconds=TITLE_SECONDS,
                stop=asyncio.Event(),
            )
        title = title_in(reply) if reply else ""
        if not title:
            return "failed"
        if not await in_database(
            name_conversation, conversation_id=claim.conversation_id, title=title, instead_of=now
        ):
            return "kept"
        titled = ConversationTitled(
            type="conversation.titled", conversation=str(claim.conversation_id), title=title
        )
        await self._news.tell(claim.user_id, titled)
        return "given"


def title_messages(question: str, answer: str) -> tuple[Message, ...]:
    """What the model is asked."""
    language = language_of(question)
    told = "\n\n".join(
        (
            marked("question", beginning(question, QUESTION_TOKENS)),
            marked("answer", beginning(answer, ANSWER_TOKENS)),
            f"The title of this conversation, in {language}:",
        )
    )
    return (
        Message(role="system", content=_RULES.format(language=language)),
        Message(role="user", content=told),
    )


def title_in(reply: ShortReply) -> str:
    """The title that a model has given; empty: none."""
    line = first_line(reply, _LABELS)
    words = line.text.rstrip(".。 ")
    if not line.is_whole:
        words = f"{words.rsplit(' ', 1)[0]}…"
    return title_of(words) if any(map(str.isalnum, words)) else ""


def _is_first_answer(claim: Claim, outcome: Outcome) -> bool:
    """Whether people see the conversation in their lists, and it has just begun with an answer."""
    if claim.parent_id is not None or claim.request is not None:
        return False
    return outcome.state == TurnState.COMPLETED and outcome.finish_reason != NOTHING_FOUND
