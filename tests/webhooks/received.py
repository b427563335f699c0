"""What a receiver makes of a request, by the words of the specification alone.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.body)
        return message

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_with(self, secret: str) -> bool:
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.{self.body.decode()}"
        key = base64.b64decode(secret.split("_", 1)[1])
        digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
        expected = f"v1,{base64.b64encode(digest).decode()}"
        return expected in self.headers["webhook-signature"].split(" ")


def received(request: bytes) -> Received:
    """A request as it came over the wire."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    pairs = (line.split(": ", 1) for line in lines)
    return Received({name.lower(): value for name, value in pairs}, body)
