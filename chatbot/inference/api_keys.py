"""API keys of endpoints, encrypted at rest.

The key of the encryption is derived from SECRET_KEY; older ones in SECRET_KEY_FALLBACKS still
decrypt. An API key is never logged and never shown again.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.encoding import force_bytes
from django.utils.translation import gettext_lazy as _

from chatbot.contracts.errors import Unavailable

_PURPOSE = b"brainstem: API keys of inference endpoints"
_KEY_BYTES = 32


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
    return _fernet().encrypt(api_key.encode()) if api_key else b""


def decrypted(stored: bytes | memoryview) -> str:
    """The API key; empty for none.

    Raises:
        ApiKeyUnreadable: it was encrypted under a SECRET_KEY that isn't known any more.
    """
    if not stored:
        return ""
    try:
        return _fernet().decrypt(bytes(stored)).decode()
    except InvalidToken as error:
        raise ApiKeyUnreadable(
            "The endpoint's API key can't be read, because SECRET_KEY has changed.",
            way_out="An administrator sets the endpoint's API key again.",
        ) from error


def _fernet() -> MultiFernet:
    return MultiFernet(
        _derived(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )


def _derived(secret: str | bytes) -> Fernet:
    key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(force_bytes(secret))
    return Fernet(base64.urlsafe_b64encode(key))
