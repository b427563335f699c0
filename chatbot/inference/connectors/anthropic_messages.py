"""A question in the form of Anthropic's Messages API."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import orjson

from chatbot.inference.connectors.errors import BadRequest
from chatbot.inference.connectors.protocol import ChatRequest, Message

MAX_TEMPERATURE: Final = 1.0
"""Of a scale where OpenAI's goes to two."""
_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none"}

Block = dict[str, Any]


def message_body(request: ChatRequest, *, begun: str) -> dict[str, Any]:
    """The body of `POST /messages`; of the options, those that there is a word for.

    Raises:
        BadRequest: tools or calls of tools are not in OpenAI's form.
    """
    messages = request.messages
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "stream": True,
        "messages": _alternating(messages),
    }
    system = "\n\n".join(one["content"] for one in messages if one["role"] == "system")
    if system.strip():
        body["system"] = system
    if request.temperature is not None:
        body["temperature"] = min(request.temperature, MAX_TEMPERATURE)
    try:
        body |= _translated(request.options)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest("tools that can't be translated") from error
    if begun:
        body["messages"].append({"role": "assistant", "content": begun})
    return body


def _translated(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if (top_p := options.get("top_p")) is not None:
        yield "top_p", top_p
    if stops := _stops(options.get("stop")):
        yield "stop_sequences", stops
    if tools := options.get("tools"):
        yield "tools", [_tool(tool["function"]) for tool in tools]
        if choice := options.get("tool_choice"):
            yield "tool_choice", _choice(choice)


def _stops(stop: str | Sequence[str] | None) -> list[str]:
    """Those of blank characters alone are refused over there."""
    given = [stop] if isinstance(stop, str) else stop or []
    return [text for text in given if text.strip()]


def _tool(function: Mapping[str, Any]) -> Block:
    return {
        "name": function["name"],
        "description": function.get("description") or "",
        "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
    }


def _choice(choice: str | Mapping[str, Any]) -> Block:
    if isinstance(choice, str):
        return {"type": _CHOICES[choice]}
    return {"type": "tool", "name": choice["function"]["name"]}


def _alternating(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """People and assistant in turns; what tools said counts as the person's."""
    said = [
        ("assistant" if one["role"] == "assistant" else "user", _blocks(one))
        for one in messages
        if one["role"] != "system"
    ]
    turns = []
    for role, parts in groupby(((role, block) for role, blocks in said for block in blocks), _role):
        blocks = [block for _, block in parts]
        only = blocks[0] if len(blocks) == 1 and blocks[0]["type"] == "text" else None
        turns.append({"role": role, "content": only["text"] if only else blocks})
    return turns


def _role(part: tuple[str, Block]) -> str:
    return part[0]


def _blocks(message: Message) -> list[Block]:
    """What a message says; empty texts are refused over there."""
    if message["role"] == "tool":
        call_id = message.get("tool_call_id", "")
        return [{"type": "tool_result", "tool_use_id": call_id, "content": message["content"]}]
    text = message["content"]
    blocks: list[Block] = [{"type": "text", "text": text}] if text.strip() else []
    return blocks + [_call(call) for call in message.get("tool_calls", ())]


def _call(call: Mapping[str, Any]) -> Block:
    try:
        function = call["function"]
        arguments = orjson.loads(function.get("arguments") or "{}")
        return {
            "type": "tool_use",
            "id": call["id"],
            "name": function["name"],
            "input": arguments,
        }
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as error:
        raise BadRequest("a call of a tool that can't be translated") from error
