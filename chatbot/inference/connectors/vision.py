"""Pictures to text, at an OpenAI-compatible server whose model looks at pictures."""

import base64
from dataclasses import dataclass
from typing import Final

import httpx
import orjson

from chatbot.inference.connectors.errors import MalformedAnswer
from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.requests import endpoint_request, raise_unless_success
from chatbot.inference.connectors.transport import CONNECT_SECONDS, send

_FILTERED: Final = "content_filter"


@dataclass(frozen=True, slots=True)
class Transcription:
    text: str
    is_filtered: bool
    """The server kept back what it had to say."""


class OpenAIVision:
    """One endpoint. Can be shared between threads."""

    def __init__(self, endpoint: EndpointConfig, *, timeout_seconds: float) -> None:
        """`timeout_seconds`: for a whole answer, which comes at once."""
        self._endpoint = endpoint
        self._timeout = httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS)

    def transcribe(self, jpeg: bytes, *, instructions: str, max_tokens: int) -> Transcription:
        """What the model answers to a picture, as likely as can be.

        Raises:
            InferenceError: BadRequest and PromptTooLong mean that this picture never will work.
        """
        url = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
        body = {
            "model": self._endpoint.model,
            "messages": [
                {"role": "system", "content": instructions},
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]},
            ],
            "temperature": 0,
            "max_tokens": max_tokens,
            "stream": False,
        }
        response = send(
            endpoint_request(
                self._endpoint,
                "chat/completions",
                content=orjson.dumps(body),
                timeout=self._timeout,
            )
        )
        raise_unless_success(self._endpoint, response, response.content)
        return _read(response.content)


def _read(content: bytes) -> Transcription:
    try:
        choice = orjson.loads(content)["choices"][0]
        text = choice["message"]["content"] or ""
        reason = choice.get("finish_reason")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise MalformedAnswer("no answer to a picture") from error
    if not isinstance(text, str):
        raise MalformedAnswer("the answer to a picture is no text")
    return Transcription(text, is_filtered=reason == _FILTERED)
