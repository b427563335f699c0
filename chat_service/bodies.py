"""Bodies of requests: bounded in size and in time."""

import asyncio
from typing import Final

from chat_service.connection import Receive
from chatbot.contracts.errors import InvalidInput, TooLarge

BODY_BYTES: Final = 1024 * 1024
PATIENT_BYTES: Final = 16 * BODY_BYTES
"""So much is read of what is too large: many clients hear nothing before they have sent all."""
BODY_SECONDS: Final = 10.0


class RequestTimedOut(InvalidInput):
    """The body did not come in time."""

    code = "request-timeout"


async def read_body(receive: Receive, *, announced: str) -> bytes:
    """The body of a request; `announced`: its header Content-Length.

    Raises:
        TooLarge: more than 1 MB.
        RequestTimedOut: it took more than ten seconds.
        ConnectionError: the client has gone.
    """
    if announced.isdecimal() and int(announced[:12]) > PATIENT_BYTES:
        raise _too_large()
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionError
                part = message.get("body", b"")
                size += len(part)
                if size <= BODY_BYTES:
                    parts.append(part)
                if size > PATIENT_BYTES or not message.get("more_body"):
                    break
    except TimeoutError:
        raise RequestTimedOut("The request did not come in time.") from None
    if size > BODY_BYTES:
        raise _too_large()
    return b"".join(parts)


def _too_large() -> TooLarge:
    return TooLarge(
        f"The request is larger than {BODY_BYTES} bytes.",
        way_out="Upload long texts as documents of a brain.",
    )
