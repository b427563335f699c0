"""The messages of a completion, in the one form that model servers get them in."""

from collections.abc import Mapping
from typing import Any, Final

from chat_service.openai_door_values import invalid, plain

Message = dict[str, Any]
MESSAGES: Final = 2000
_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_TEXT_OF: Final = {"text": "text", "refusal": "refusal"}


def checked_messages(raw: object) -> list[Message]:
    """The messages; parts of a text are joined, and what nobody here knows is left out.

    Raises:
        InvalidInput: there are none or too many, or one is not understood.
    """
    if not isinstance(raw, list) or not raw:
        raise invalid("messages", "Messages are missing.")
    if len(raw) > MESSAGES:
        raise invalid("messages", f"There are more than {MESSAGES} messages.")
    return [_checked(one, f"messages[{place}]") for place, one in enumerate(raw)]


def _checked(raw: object, param: str) -> Message:
    if not isinstance(raw, dict):
        raise invalid(param, "Every message must be an object.")
    role = raw.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise invalid(f"{param}.role", f"A role must be one of {', '.join(_ROLES)}.")
    message: Message = {"role": _ROLES[role], "content": ""}
    content = raw.get("content")
    if content is not None or role not in {"assistant", "tool"}:
        message["content"] = _text(content, f"{param}.content")
    if role == "assistant" and raw.get("tool_calls"):
        message["tool_calls"] = _calls(raw["tool_calls"], f"{param}.tool_calls")
    if role == "tool":
        message["tool_call_id"] = _id(raw, f"{param}.tool_call_id")
    return message


def _text(content: object, param: str) -> str:
    parts = content if isinstance(content, list) else [content]
    text = "\n".join(_part(part, param) for part in parts)
    if "\0" in text:
        raise invalid(param, "The text has the character NUL in it.")
    return text


def _part(part: object, param: str) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in _TEXT_OF:
        named = f" of the type {kind}" if isinstance(kind, str) else ""
        raise invalid(
            param, f"Only text can be read here, no part{named[:60]}: no images, audio or files."
        )
    text = part.get(_TEXT_OF[kind]) if isinstance(part, dict) else None
    if not isinstance(text, str):
        raise invalid(param, "A part of a text needs its text.")
    return text


def _calls(raw: object, param: str) -> list[Mapping[str, Any]]:
    if not isinstance(raw, list):
        raise invalid(param, "Calls of tools must be a list.")
    return [_call(one, param) for one in raw]


def _call(raw: object, param: str) -> Mapping[str, Any]:
    function = raw.get("function") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(function, dict):
        raise invalid(param, "A call needs its function.")
    name, arguments = function.get("name"), function.get("arguments", "")
    if not isinstance(name, str) or not isinstance(arguments, str):
        raise invalid(param, "A function has a name, and its arguments as text.")
    call = {
        "id": _id(raw, param, "id"),
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    plain(param, call)
    return call


def _id(raw: Mapping[str, Any], param: str, name: str = "tool_call_id") -> str:
    value = raw.get(name)
    if not isinstance(value, str) or "\0" in value:
        raise invalid(param, f"{name} is missing.")
    return value
