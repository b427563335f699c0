"""Chat with an OpenAI-compatible server: vLLM, SGLang, TGI, llama.cpp, Ollama, gateways.

An answer is complete when the server gave a `finish_reason`, and by nothing else: `[DONE]` and a
clean end of the response also follow failures.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from chatbot.inference.connectors.event_streams import EventStreamChat, StreamedAnswer
from chatbot.inference.connectors.openai_chunks import ChunkReader
from chatbot.inference.connectors.options import read_options
from chatbot.inference.connectors.protocol import Capabilities, ChatRequest, EndpointConfig
from chatbot.inference.connectors.served_models import capabilities_of


@dataclass(frozen=True, slots=True)
class OpenAIOptions:
    continues: bool | None = None
    """Whether it goes on with a last message of the assistant; None: by what `/models` tells."""
    max_tokens_field: str = "max_tokens"
    """OpenAI's own newer models want `max_completion_tokens`."""


class OpenAIChat(EventStreamChat):
    """Chat at one endpoint; implements `ChatConnector`."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        """Raises OptionsWrong."""
        super().__init__(endpoint)
        self._options = read_options(OpenAIOptions, endpoint.options)
        self._capabilities: Capabilities | None = None

    async def capabilities(self) -> Capabilities:
        if self._capabilities is None:
            self._capabilities = await capabilities_of(
                self._endpoint, continues=self._options.continues
            )
        return self._capabilities

    def _reader(self) -> ChunkReader:
        return self._reading()

    def _answer(self, continue_text: str) -> StreamedAnswer:
        return StreamedAnswer(self._reading(continues=bool(continue_text)), continue_text)

    def _reading(self, *, continues: bool = False) -> ChunkReader:
        return ChunkReader(continues=continues, api_key=self._endpoint.api_key)

    def _request(self, request: ChatRequest, *, begun: str) -> tuple[str, bytes]:
        body: dict[str, Any] = {
            **request.options,
            "model": request.model,
            "messages": list(request.messages),
            self._options.max_tokens_field: request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.temperature is not None:
            body["temperature"] = request.temperature
        if self._capabilities is not None and self._capabilities.tells_progress:
            # Without reports llama.cpp reads a prompt to its end, though nobody waits any more.
            body["return_progress"] = True
        if begun:
            body["messages"].append({"role": "assistant", "content": begun})
            body["continue_final_message"] = True
            body["add_generation_prompt"] = False
        return "chat/completions", orjson.dumps(body)
