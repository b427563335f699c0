"""What functions in the sandbox give back: made of JSON, without copying it."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def fields_of(answer: "DataclassInstance") -> dict[str, Any]:
    """A dataclass as a dictionary whose values are its own: `asdict` copies each number of them.

    A page has thousands, and copying took as long as reading it.
    """
    return {field.name: getattr(answer, field.name) for field in fields(answer)}
