"""The header Idempotency-Key."""

import json
import re
from collections.abc import Callable
from typing import Final

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.contracts.errors import InvalidInput
from chatbot.uploads.services.idempotency import (
    Answer,
    fingerprint_of,
    give_key_back,
    store_answer,
    take_key,
)

PARAMETER: Final = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description=(
        "Chosen by the client: the same call with the same key is made once, and answered alike "
        "for 36 hours."
    ),
)
_KEY: Final = re.compile(r'"([\x20\x21\x23-\x7e]{1,255})"|([\x21\x23-\x7e]{1,255})')
_KEPT_HEADERS: Final = ("Location", "Upload-Expires")

Store = Callable[[Response], None]
"""To be called with the answer in the transaction that makes what it tells of."""


def answer_once(request: Request, make: Callable[[Store], Response], *content: str) -> Response:
    """What `make` answers, or what it has answered before to the same call.

    Args:
        request: with or without the header.
        make: does what is asked for.
        content: what makes this call different from others at the same address.

    Raises:
        InvalidInput: the key isn't one.
        KeyReused, Conflict: as `take_key`.
    """
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return make(_not_stored)
    fingerprint = fingerprint_of(request.method or "", request.path, *content)
    taken = take_key(user=user_of(request), key=_key(header), fingerprint=fingerprint)
    if isinstance(taken, Answer):
        return Response(taken.body, status=taken.status, headers=taken.headers)
    try:
        return make(lambda response: store_answer(taken, _answer(response)))
    except BaseException:
        give_key_back(taken)
        raise


def content_of(request: Request) -> str:
    """Of a call whose body is JSON; neither the order of its keys nor its spaces make another."""
    return json.dumps(request.data, sort_keys=True)


def _not_stored(_: Response) -> None:
    """Without a key nothing is remembered."""


def _answer(response: Response) -> Answer:
    kept = {name: response[name] for name in _KEPT_HEADERS if name in response}
    return Answer(response.status_code, response.data, kept)


def _key(header: str) -> str:
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise InvalidInput(
            "The Idempotency-Key is malformed.",
            code="idempotency-key-malformed",
            way_out="Send 1 to 255 visible ASCII characters, such as a UUID.",
        )
    return found[1] or found[2]
