"""Chat in the protocol of Anthropic's Messages API, as gateways speak it, too.

The system's text stands apart, answers are continued from a last message of the assistant, and an
answer is complete when the server gave a `stop_reason`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from chatbot.inference.connectors.anthropic_events import MessageReader
from chatbot.inference.connectors.anthropic_messages import message_body
from chatbot.inference.connectors.event_streams import EventStreamChat
from chatbot.inference.connectors.options import read_options
from chatbot.inference.connectors.protocol import Capabilities, ChatRequest, EndpointConfig


@dataclass(frozen=True, slots=True)
class AnthropicOptions:
    continues: bool = True
    """Newer models of Anthropic's own refuse a last message of the assistant."""
    version: str = "2023-06-01"


class AnthropicChat(EventStreamChat):
    """Chat at one endpoint; implements `ChatConnector`."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        """Raises OptionsWrong."""
        super().__init__(endpoint)
        self._options = read_options(AnthropicOptions, endpoint.options)

    async def capabilities(self) -> Capabilities:
        return Capabilities(
            continues=self._options.continues,
            counts_tokens=True,
            context_tokens=self._endpoint.context_tokens,
        )

    def _headers(self) -> Mapping[str, str]:
        return anthropic_headers(self._endpoint)

    def _reader(self) -> MessageReader:
        return MessageReader(api_key=self._endpoint.api_key)

    def _request(self, request: ChatRequest, *, begun: str) -> tuple[str, bytes]:
        return "messages", orjson.dumps(message_body(request, begun=begun))


def anthropic_headers(endpoint: EndpointConfig) -> dict[str, str]:
    """The key and the version of the protocol; raises OptionsWrong."""
    headers = {"anthropic-version": read_options(AnthropicOptions, endpoint.options).version}
    if endpoint.api_key:
        headers["x-api-key"] = endpoint.api_key
    return headers
