"""Secrets that have to be used again, encrypted at rest.

The key of the encryption is derived from SECRET_KEY and a purpose, so that what is stored for one
is of no use for another; older ones in SECRET_KEY_FALLBACKS still decrypt.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

_KEY_BYTES = 32


class Undecipherable(Exception):
    """It was encrypted under a SECRET_KEY that isn't known any more."""


def encrypt(secret: str, *, purpose: bytes) -> bytes:
    """What is stored."""
    return _fernet(purpose).encrypt(secret.encode())


def decrypt(stored: bytes | memoryview, *, purpose: bytes) -> str:
    """The secret; raises Undecipherable."""
    try:
        return _fernet(purpose).decrypt(bytes(stored)).decode()
    except InvalidToken as error:
        raise Undecipherable from error


def _fernet(purpose: bytes) -> MultiFernet:
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet(_derived(secret, purpose) for secret in secrets)


def _derived(secret: str | bytes, purpose: bytes) -> Fernet:
    key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(force_bytes(secret))
    return Fernet(base64.urlsafe_b64encode(key))
