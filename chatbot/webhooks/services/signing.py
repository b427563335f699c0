"""Secrets and signatures of webhooks, by the Standard Webhooks specification.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from chatbot.contracts.errors import Unavailable
from chatbot.encryption import Undecipherable, decrypt, encrypt
from chatbot.webhooks.services.faults import DELIVERY_FAULTS, SECRET

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with
_SECRET_BYTES: Final = 32
_PURPOSE: Final = b"brainstem: secrets of webhooks"


class SecretUnreadable(Unavailable):
    """SECRET_KEY is not the one that the secret was encrypted under."""

    code = SECRET


def new_secret() -> str:
    """`whsec_` and the key in base64; to be shown once, and stored by `encrypted`."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def encrypted(secret: str) -> bytes:
    """What is stored."""
    return encrypt(secret, purpose=_PURPOSE)


def decrypted(stored: bytes | memoryview) -> str:
    """Raises SecretUnreadable."""
    try:
        return decrypt(stored, purpose=_PURPOSE)
    except Undecipherable as error:
        raise SecretUnreadable(DELIVERY_FAULTS[SECRET]) from error


def signed_headers(
    *, message_id: str, timestamp: int, body: bytes, keys: Sequence[str]
) -> dict[str, str]:
    """The headers of a message, with a signature for each secret.

    Args:
        message_id: the same whenever the message is sent.
        timestamp: of this attempt, in seconds since 1970.
        body: as it is sent.
        keys: as `new_secret` makes them.
    """
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(content, key)}" for key in keys),
    }


def _signature(content: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
