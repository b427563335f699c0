"""Follow-up questions in words that stand alone, for the search.

"And when did it end?" finds nothing: what it is about was said before. Where a brain's owner has
said so, the model that is about to answer first puts the question into words that can be searched
for. It holds its place already, so this waits for nobody else. On any failure, and after a few
seconds, the question is searched for as it was typed; the model is asked it as it was typed anyway.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from chat_service import metrics
from chat_service.endpoints import Endpoint
from chat_service.prompts import exchanges_in
from chat_service.short_replies import (
    DATA_RULE,
    ShortReply,
    first_line,
    language_of,
    marked,
    short_reply,
)
from chat_service.token_estimate import beginning, estimate_tokens
from chatbot.inference.connectors.protocol import Message

REWRITE_SECONDS: Final = 3.0
REWRITE_TOKENS: Final = 128
EXCHANGES: Final = 3
"""Questions and answers before this one that the model is told."""
ASKED_TOKENS: Final = 80
ANSWERED_TOKENS: Final = 120
QUESTION_TOKENS: Final = 128
"""A longer question says enough by itself."""

_RULES: Final = (
    "You prepare a search. Rewrite the last question so that it can be understood without the "
    "conversation: say what words like it, that, there or he stand for, and add what was left out. "
    "Keep its other words. Don't answer it. If it can be understood alone, repeat it. Reply with "
    f"the question only, in {{language}}. {DATA_RULE}"
)
_LABELS: Final = (
    r"(?:(?:rewritten|standalone|search|last) )?(?:question|query)|(?:바꾼 |다시 쓴 )?질문"
)


async def standing_alone(
    question: str,
    history: Sequence[tuple[str, str]],
    endpoint: Endpoint,
    *,
    stop: asyncio.Event,
) -> str:
    """The question in words that stand alone, or as it is."""
    exchanges = exchanges_in(history)[:EXCHANGES]
    if not exchanges or estimate_tokens(question) > QUESTION_TOKENS:
        return question
    reply = await short_reply(
        endpoint,
        rewriting_messages(question, exchanges),
        max_tokens=REWRITE_TOKENS,
        seconds=REWRITE_SECONDS,
        stop=stop,
    )
    rewritten = question_in(reply) if reply else ""
    metrics.rewritten("rewritten" if rewritten else "failed")
    return rewritten or question


def rewriting_messages(question: str, exchanges: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """What the model is asked; `exchanges`: questions and answers, newest first."""
    said = "\n".join(
        f"Question: {beginning(asked, ASKED_TOKENS)}\n"
        f"Answer: {beginning(answered, ANSWERED_TOKENS)}"
        for asked, answered in reversed(exchanges)
    )
    language = language_of(question)
    told = "\n\n".join(
        (
            marked("conversation", said),
            marked("question", question),
            f"The question so that it stands alone, in {language}:",
        )
    )
    return (
        Message(role="system", content=_RULES.format(language=language)),
        Message(role="user", content=told),
    )


def question_in(reply: ShortReply) -> str:
    """The question that a model has given; empty: none, or only a part of one."""
    line = first_line(reply, _LABELS)
    return line.text if line.is_whole and any(map(str.isalnum, line.text)) else ""
