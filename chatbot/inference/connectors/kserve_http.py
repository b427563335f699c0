"""Chat with Triton and other KServe v2 servers over HTTP, by the generate extension.

A prompt goes in as one text, pieces of the answer come out as events. The protocol has no word for
the end: an answer is complete when its response ends in good order, with at least one event in it.
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_generate.md
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from chatbot.inference.connectors.errors import BadRequest, MalformedAnswer
from chatbot.inference.connectors.event_streams import EventStreamChat
from chatbot.inference.connectors.options import read_options
from chatbot.inference.connectors.prompt_templates import check_template, prompt_text
from chatbot.inference.connectors.protocol import (
    Capabilities,
    ChatRequest,
    EndpointConfig,
    Finished,
)
from chatbot.inference.connectors.reasons import finish_of
from chatbot.inference.connectors.statuses import HTTP_SERVER_ERROR, error_of_message, masked

if TYPE_CHECKING:
    from chatbot.inference.connectors.protocol import StreamItem, UsageReport
    from chatbot.inference.connectors.sse import ServerSentEvent

NO_REASON: Final = (None, "", "None")
"""Of an output that says why the answer ended, before it does."""


@dataclass(frozen=True, slots=True)
class KServeOptions:
    """How the model names its inputs and outputs, and what its prompts look like."""

    template: str = "plain"
    input_field: str = "text_input"
    output_field: str = "text_output"
    finish_reason_field: str = "finish_reason"
    """Of an output, where the model has one."""
    max_tokens_field: str = "max_tokens"
    temperature_field: str = "temperature"
    parameters: dict[str, Any] = field(default_factory=dict)
    """Sent with every request."""


def kserve_options(endpoint: EndpointConfig) -> KServeOptions:
    """Raises OptionsWrong."""
    options = read_options(KServeOptions, endpoint.options)
    check_template(options.template)
    return options


class KServeHTTPChat(EventStreamChat):
    """Chat at one endpoint; implements `ChatConnector`."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        """Raises OptionsWrong."""
        super().__init__(endpoint)
        self._options = kserve_options(endpoint)

    async def capabilities(self) -> Capabilities:
        return Capabilities(continues=True, context_tokens=self._endpoint.context_tokens)

    def _reader(self) -> "GenerateReader":
        return GenerateReader(self._options, api_key=self._endpoint.api_key)

    def _request(self, request: ChatRequest, *, begun: str) -> tuple[str, bytes]:
        options = self._options
        prompt = kserve_prompt(options, request, begun=begun)
        parameters = generate_parameters(options, request)
        body = {options.input_field: prompt, "parameters": {"stream": True, **parameters}}
        return f"models/{quote(request.model, safe='')}/generate_stream", orjson.dumps(body)


def kserve_prompt(options: KServeOptions, request: ChatRequest, *, begun: str) -> str:
    """The messages as one text. Raises BadRequest where there are tools, too."""
    if request.options.get("tools"):
        raise BadRequest("a server that takes a prompt takes no tools")
    return prompt_text(request.messages, template=options.template, begun=begun)


def generate_parameters(options: KServeOptions, request: ChatRequest) -> dict[str, Any]:
    """What stands beside the prompt; what the endpoint's options say comes first."""
    asked: dict[str, Any] = {options.max_tokens_field: request.max_tokens}
    if request.temperature is not None:
        asked[options.temperature_field] = request.temperature
    return asked | options.parameters


class GenerateReader:
    """Implements `EventReader`."""

    def __init__(self, options: KServeOptions, *, api_key: str = "") -> None:
        """A server that repeats the key isn't quoted."""
        self._api_key = api_key
        self.finished: Finished | None = None
        self.usage: UsageReport | None = None
        self.is_done = False
        self.others: list[StreamItem] = []
        self._options = options
        self._has_begun = False

    def read(self, event: "ServerSentEvent") -> str:
        """The text in the event.

        Raises:
            MalformedAnswer: the event is no answer of a model.
            InferenceError: the event says that the server failed.
        """
        try:
            said = orjson.loads(event.data)
            if "error" in said:
                message = masked(str(said["error"]), self._api_key)
                raise error_of_message(HTTP_SERVER_ERROR, message)
            output = said[self._options.output_field]
            text = "".join(output if isinstance(output, list) else [output])
            self._has_begun = True
            if (reason := said.get(self._options.finish_reason_field)) not in NO_REASON:
                self.finished = finish_of(reason)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            raise MalformedAnswer(f"{type(error).__name__}: {error}") from error
        return text

    def end_of_response(self) -> None:
        if self._has_begun and self.finished is None:
            self.finished = Finished("stop")
