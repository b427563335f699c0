"""What is particular about an endpoint: a mapping from the registry, checked against a dataclass.

Connectors declare their options as a frozen dataclass of strings, numbers and switches, each with a
default and a sentence; nothing else is an option.
"""

from collections.abc import Mapping
from dataclasses import fields
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from chatbot.contracts.errors import InvalidInput

OptionsT = TypeVar("OptionsT")


class OptionsWrong(InvalidInput):
    """The endpoint's options are none of its protocol's."""

    code = "endpoint-options-wrong"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, way_out="Change the options of the endpoint in the admin.")


def read_options(kind: type[OptionsT], given: Mapping[str, Any]) -> OptionsT:
    """The options; those not given are the defaults.

    Raises:
        OptionsWrong: one is unknown, or not of its type.
    """
    if not isinstance(given, Mapping):
        raise OptionsWrong("The options are no JSON object.")
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type] # a dataclass
    if unknown := sorted(given.keys() - set(names)):
        known = ", ".join(names) or "none"
        raise OptionsWrong(f"Unknown options: {', '.join(unknown)}. Known: {known}.")
    for name, hint in get_type_hints(kind).items():
        if name in given and type(given[name]) not in _types(hint):
            raise OptionsWrong(f"The option {name} is not of its type: {hint}.")
    return kind(**given)


def _types(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - types, generic ones and unions
    if isinstance(hint, UnionType):
        return get_args(hint)
    return (get_origin(hint) or hint,)
