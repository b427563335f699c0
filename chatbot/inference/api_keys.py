"""API keys of endpoints, encrypted at rest: never logged and never shown again."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chatbot.contracts.errors import Unavailable
from chatbot.encryption import Undecipherable, decrypt, encrypt

_PURPOSE = b"brainstem: API keys of inference endpoints"


class ApiKeyUnreadable(Unavailable):
    """SECRET_KEY is not the one that the key was encrypted under."""

    code = "api-key-unreadable"


def validate_api_key(api_key: str) -> None:
    """Raises Django's ValidationError where it can't be sent: it goes into a header."""
    if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
        raise ValidationError(
            _("An API key has letters, digits and signs of ASCII only, and no spaces.")
        )


def encrypted(api_key: str) -> bytes:
    """What is stored; empty for no key."""
    return encrypt(api_key, purpose=_PURPOSE) if api_key else b""


def decrypted(stored: bytes | memoryview) -> str:
    """The API key; empty for none.

    Raises:
        ApiKeyUnreadable: it was encrypted under a SECRET_KEY that isn't known any more.
    """
    if not stored:
        return ""
    try:
        return decrypt(stored, purpose=_PURPOSE)
    except Undecipherable as error:
        raise ApiKeyUnreadable(
            "The endpoint's API key can't be read, because SECRET_KEY has changed.",
            way_out="An administrator sets the endpoint's API key again.",
        ) from error
