"""What a connector takes and gives: the same for every kind of model server.

A stream of an answer is any number of `TextDelta`, `ReasoningDelta` and `ToolCallDelta`, at most
one `UsageReport`, and then exactly one last item: `Finished` (the server said why it ended) or
`Stopped` (we asked). Everything else ends it with an `InferenceError`; the text that came before
stays valid and can be continued.

    async with aclosing(connector.stream(request, stop=stop)) as items:
        async for item in items: ...
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, Protocol, TypedDict


class Message(TypedDict):
    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: NotRequired[Sequence[Mapping[str, Any]]]
    """Of an assistant that called functions, in OpenAI's form."""
    tool_call_id: NotRequired[str]
    """Of a tool: the call that its content answers."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How long a streamed answer may take, in seconds."""

    connect: float = 2.0
    first_token: float = 60.0
    between_tokens: float = 30.0
    total: float = 600.0


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Where a model is served. The key never shows in a `repr`."""

    base_url: str
    """Up to and including `/v1`, or whatever the protocol has there; without a slash at the end.
    `grpc://` or `grpcs://` and a host for gRPC."""
    model: str
    """What the server calls the model."""
    api_key: str = field(default="", repr=False)
    limits: StreamLimits = StreamLimits()
    protocol: str = "openai"
    """`openai`, `anthropic`, `kserve-http`, `kserve-grpc` or `session`."""
    context_tokens: int | None = None
    """What we were told of the model; a server that tells more is believed."""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What is particular about this server; each connector says which it knows."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    model: str
    """What the server calls the model: `endpoint.upstream_model`."""
    messages: Sequence[Message]
    max_tokens: int
    temperature: float | None = None
    """None: the server's default."""
    continue_text: str | None = None
    """The beginning of the answer, already shown: the stream yields only what follows it."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What OpenAI's chat completions know beyond this, by its names: `tools`, `tool_choice`,
    `stop`, `top_p`, `seed`, `response_format` … Passed on to servers of that kind."""
    conversation_key: str = ""
    """The same for all questions of a conversation, for servers that remember; empty: none."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str
    pieces: int = 1
    """In how many the server sent it: tokens, mostly."""


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """Thinking aloud before the answer; not part of its text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of a function call that the model asks for. Not part of the answer's text."""

    index: int
    """Which call; pieces of several may alternate."""
    id: str = ""
    """With the first piece."""
    name: str = ""
    """With the first piece."""
    arguments: str = ""
    """The next piece of a JSON object."""


@dataclass(frozen=True, slots=True)
class UsageReport:
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The server ended the answer.

    `reason`: `stop`, `length`, `filtered`, `tool_calls`, or the server's own word.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """We ended the answer because `stop` was set."""


StreamItem = TextDelta | ReasoningDelta | ToolCallDelta | UsageReport | Finished | Stopped


@dataclass(frozen=True, slots=True)
class Capabilities:
    streams: bool = True
    """The answer comes piece by piece; else as one `TextDelta` at its end."""
    continues: bool = False
    """`continue_text` works; where it doesn't, the answer has to be started again."""
    counts_tokens: bool = False
    """Answers end with a `UsageReport`, unless the server forgets it."""
    context_tokens: int | None = None
    """Prompt and answer together; None: nobody knows."""
    tells_progress: bool = False
    """It can be asked to say how far it has read a prompt."""


class ChatConnector(Protocol):
    """One endpoint's chat. Cheap to make; all connectors of a process share connections."""

    async def capabilities(self) -> Capabilities:
        """What the server behind the endpoint can do; asks it, once per connector.

        Raises:
            InferenceError: the server doesn't answer.
        """
        ...

    def stream(
        self, request: ChatRequest, *, stop: asyncio.Event
    ) -> AsyncGenerator[StreamItem, None]:
        """The answer, piece by piece.

        `stop` ends it at once, also before the first byte and on a server that hangs. Set `stop`
        rather than cancelling the task. Close the iterator (`contextlib.aclosing`).

        Raises:
            InferenceError: before or in the middle of the answer.
            ValueError: `continue_text` is given, and the server is not able to continue.
        """
        ...


class EmbeddingClient(Protocol):
    """One endpoint's embeddings, from a thread. Can be shared between threads."""

    @property
    def model(self) -> str:
        """What the server calls the model."""
        ...

    @property
    def dimensions(self) -> int | None:
        """Length of every vector; None until the first answer, unless it was given."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of unit length per text, in the order of the texts.

        Raises:
            InferenceError: PromptTooLong and BadRequest mean that these texts never will work.
        """
        ...


class AsyncEmbeddingClient(Protocol):
    """The same on an event loop."""

    @property
    def model(self) -> str: ...

    @property
    def dimensions(self) -> int | None: ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of unit length per text, in the order of the texts; raises the same errors."""
        ...
