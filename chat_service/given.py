"""What a completion brings along itself: messages, options, a limit.

Without a brain the messages go to the model as they are. With one, its rules and passages come
before, the system messages join its instructions, and what follows the question (calls of tools,
and what they gave) stays behind it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from chat_service.prompts import Prompt, Question, build_prompt, estimate_messages
from chat_service.token_estimate import estimate_tokens
from chatbot.contracts.events import Source
from chatbot.conversations.services.claims import Claim
from chatbot.inference.connectors.protocol import ChatRequest, Message

Given = Mapping[str, Any]
"""`Turn.request`: `messages`, `options` and `max_tokens`."""
_TEMPERATURE: Final = "temperature"


def question_of(claim: Claim, passages: Sequence[Source] | None) -> Question:
    """The question with all that may go into a prompt."""
    if claim.request is None or passages is None:
        return Question(claim.question, claim.history, claim.instructions, passages)
    messages = claim.request["messages"]
    system = [message["content"] for message in messages if message["role"] == "system"]
    instructions = "\n\n".join(filter(None, [claim.instructions, *system]))
    history = _history(messages[: place_of_question(messages)])
    return Question(claim.question, history, instructions, passages)


def prompt_of(claim: Claim, question: Question, *, budget_tokens: int) -> Prompt:
    """The messages for the model. Raises PromptTooLong."""
    if claim.request is None:
        return build_prompt(question, budget_tokens=budget_tokens)
    messages: Sequence[Message] = claim.request["messages"]
    if question.passages is None:
        return Prompt(tuple(messages), (), estimate_messages(messages), is_plain=True)
    after = messages[place_of_question(messages) + 1 :]
    prompt = build_prompt(question, budget_tokens=budget_tokens - estimate_messages(after))
    total = prompt.estimated_tokens + estimate_messages(after)
    return replace(prompt, messages=(*prompt.messages, *after), estimated_tokens=total)


def with_options(request: ChatRequest, given: Given | None) -> ChatRequest:
    """The request with the options that the completion was given."""
    if given is None:
        return request
    options = {name: value for name, value in given["options"].items() if name != _TEMPERATURE}
    wished = given["max_tokens"]
    if wished is not None:
        wished = max(1, wished - estimate_tokens(request.continue_text or "") + 1)
    return replace(
        request,
        temperature=given["options"].get(_TEMPERATURE, request.temperature),
        max_tokens=min(filter(None, (request.max_tokens, wished))),
        options=options,
    )


def has_answers(given: Given | None) -> bool:
    """Whether the messages hold earlier answers, which the question may be about."""
    return given is not None and any(one["role"] == "assistant" for one in given["messages"])


def place_of_question(messages: Sequence[Mapping[str, Any]]) -> int:
    """Of the last thing that a person says; if nobody does, of the last message."""
    places = [place for place, one in enumerate(messages) if one["role"] == "user"]
    return places[-1] if places else len(messages) - 1


def _history(messages: Sequence[Message]) -> tuple[tuple[str, str], ...]:
    """Roles and texts, so that they alternate: texts of one role in a row are one."""
    said = [one for one in messages if one["role"] in {"user", "assistant"} and one["content"]]
    return tuple(
        (role, "\n\n".join(one["content"] for one in run))
        for role, run in groupby(said, key=lambda one: str(one["role"]))
    )
