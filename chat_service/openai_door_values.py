"""Values of a completion's options, each checked before it is passed on."""

from collections.abc import Callable
from typing import Any, Final

from chatbot.contracts.errors import InvalidInput

Checked = Any
"""JSON that PostgreSQL can store."""
STOPS: Final = 16
STOP_CHARACTERS: Final = 500
TOOLS: Final = 128
DEPTH: Final = 40
"""Of objects in objects: deeper than any schema of a tool."""
_CHOICES: Final = frozenset({"none", "auto", "required"})


def invalid(param: str, sentence: str) -> InvalidInput:
    """A 400 about one parameter."""
    return InvalidInput(sentence, fields={param: [sentence]} if param else None)


def a_number(least: float, most: float) -> Callable[[str, object], Checked]:
    """A check of a number between two others."""

    def check(name: str, value: object) -> Checked:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most:  # type: ignore[operator]  # it is a number
            raise invalid(name, f"{name} must be a number from {least} to {most}.")
        return value

    return check


def an_integer(least: int, most: int) -> Callable[[str, object], Checked]:
    """A check of an integer between two others."""

    def check(name: str, value: object) -> Checked:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise invalid(name, f"{name} must be an integer from {least} to {most}.")
        return value

    return check


def true_or_false(name: str, value: object) -> Checked:
    if not isinstance(value, bool):
        raise invalid(name, f"{name} must be true or false.")
    return value


def stop_texts(name: str, value: object) -> Checked:
    """One text, or a few."""
    texts = value if isinstance(value, list) else [value]
    if len(texts) > STOPS:
        raise invalid(name, f"stop has at most {STOPS} texts.")
    for text in texts:
        if not isinstance(text, str) or not 0 < len(text) <= STOP_CHARACTERS or "\0" in text:
            raise invalid(name, f"stop must be texts of at most {STOP_CHARACTERS} characters.")
    return value


def an_object(name: str, value: object) -> Checked:
    if not isinstance(value, dict):
        raise invalid(name, f"{name} must be an object.")
    return plain(name, value)


def tools(name: str, value: object) -> Checked:
    """Functions that the model may ask to be called."""
    if not isinstance(value, list) or len(value) > TOOLS:
        raise invalid(name, f"tools must be a list of at most {TOOLS}.")
    for tool in value:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            raise invalid(name, "Every tool must be of the type function, with its function.")
        if not isinstance(function.get("name"), str) or not function["name"]:
            raise invalid(name, "Every function needs a name.")
    return plain(name, value)


def tool_choice(name: str, value: object) -> Checked:
    if isinstance(value, str) and value in _CHOICES:
        return value
    if not isinstance(value, dict):
        raise invalid(name, "tool_choice must be none, auto, required or a function.")
    return plain(name, value)


def plain(name: str, value: Checked, depth: int = 0) -> Checked:
    """The same value; refuses what is nested too deeply, and what PostgreSQL can't store."""
    if depth > DEPTH:
        raise invalid(name, f"{name} is nested too deeply.")
    if isinstance(value, str) and "\0" in value:
        raise invalid(name, f"{name} has the character NUL in it.")
    if isinstance(value, dict):
        for key, one in value.items():
            plain(name, key, depth)
            plain(name, one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            plain(name, one, depth + 1)
    return value
