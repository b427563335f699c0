"""The chat protocol: what clients send, and the events that a turn and a brain produce.

Every event of a turn carries `turn` and `seq`. Within an epoch sequence numbers rise by one; epoch
`n` starts at `n * EPOCH_STRIDE + 1`, so that a client that was ahead of a dead owner is never told
an old number twice. `turn.resumed` opens every epoch but the first and carries the whole text that
stands: a client replaces its text by it. An answer whose log has gone is told again in the upper
half of its last epoch, beginning with `turn.resumed` too.

Exactly one of `turn.completed`, `turn.failed` and `turn.stopped` ends a turn.
"""

from typing import Final, Literal, NotRequired, TypedDict

EPOCH_STRIDE: Final = 1 << 20
"""Sequence numbers per epoch; far above the number of events of any answer."""

PROTOCOL_VERSION: Final = 1

NOTHING_FOUND: Final = "nothing-found"
"""Finish reason of an answer that says so: no model was asked to make one up."""


# --- frames a client sends over the WebSocket ---


class AuthFrame(TypedDict):
    """First frame of a client that has neither a session cookie nor an Authorization header."""

    type: Literal["auth"]
    token: str


class AskFrame(TypedDict):
    type: Literal["ask"]
    conversation: str
    text: str
    client_id: str
    """Made by the client, unique in the conversation: sending it twice asks once."""
    parent: NotRequired[str | None]
    """The answer that the question stands behind; null: it begins the conversation.

    Without it: behind what is shown. A question is changed by asking behind the same message.
    """


class SubscribeFrame(TypedDict):
    type: Literal["subscribe"]
    turn: str
    after: NotRequired[int]
    """The last sequence number seen; 0 or absent for the whole turn."""


class UnsubscribeFrame(TypedDict):
    type: Literal["unsubscribe"]
    turn: str


class StopFrame(TypedDict):
    type: Literal["stop"]
    turn: str


class ContinueFrame(TypedDict):
    """Go on with an answer that failed or was stopped; answered by `asked`."""

    type: Literal["continue"]
    turn: str


class RegenerateFrame(TypedDict):
    """Another answer to the turn's question; answered by `asked`, with the new turn."""

    type: Literal["regenerate"]
    turn: str


class WatchFrame(TypedDict):
    """Ask for `document.changed` events of a brain."""

    type: Literal["watch"]
    brain: str


class UnwatchFrame(TypedDict):
    type: Literal["unwatch"]
    brain: str


class PingFrame(TypedDict):
    type: Literal["ping"]


ClientFrame = (
    AuthFrame
    | AskFrame
    | SubscribeFrame
    | UnsubscribeFrame
    | StopFrame
    | ContinueFrame
    | RegenerateFrame
    | WatchFrame
    | UnwatchFrame
    | PingFrame
)


# --- frames the server sends that are not events of a turn ---


class ReadyFrame(TypedDict):
    """The socket is authenticated and takes frames."""

    type: Literal["ready"]
    protocol: int
    user: str


class AskedFrame(TypedDict):
    """The question is stored; the socket is subscribed to the turn from its beginning."""

    type: Literal["asked"]
    client_id: str
    conversation: str
    turn: str
    question: str
    """Id of the user's message."""
    answer: str
    """Id of the assistant's message."""


class ErrorFrame(TypedDict):
    """A frame was refused. `client_id`, `turn` and `brain` repeat what the frame named."""

    type: Literal["error"]
    code: str
    sentence: str
    way_out: str
    retry_after_seconds: NotRequired[int]
    client_id: NotRequired[str]
    turn: NotRequired[str]
    brain: NotRequired[str]


class PongFrame(TypedDict):
    type: Literal["pong"]


class DocumentError(TypedDict):
    code: str
    sentence: str


class DocumentProgress(TypedDict):
    """How far one version of a document is."""

    state: str
    pages_total: int | None
    pages_done: int
    error: DocumentError | None


class DocumentChanged(DocumentProgress):
    """A document moved. Best effort: after a reconnect a client reads the documents again."""

    type: Literal["document.changed"]
    brain: str
    document: str
    title: str
    next: DocumentProgress | None
    """Where it is being read again; what is there now stays until that has ended well."""
    deleted: bool


class Watching(TypedDict):
    """An event stream tells all changes of the brain from here on: read its documents now.

    Comes again where some may have been missed: then read them again.
    """

    type: Literal["watching"]
    brain: str


class ConversationTitled(TypedDict):
    """A model has named one of the person's conversations. Best effort, to all open sockets."""

    type: Literal["conversation.titled"]
    conversation: str
    title: str


# --- events of a turn ---


class TurnEvent(TypedDict):
    turn: str
    seq: int


class TurnQueued(TurnEvent):
    """Waiting for the inference server; sent again when the position changes."""

    type: Literal["turn.queued"]
    position: int
    estimated_wait_seconds: float | None


class TurnStarted(TurnEvent):
    type: Literal["turn.started"]
    conversation: str
    question: str
    answer: str
    model: str


class Source(TypedDict):
    """A passage that was given to the model."""

    ordinal: int
    """The `n` of `[n]` in the answer."""
    document: str
    version: str
    title: str
    page_from: int
    page_to: int
    start: int
    """Offset of the passage in the text of `page_from`, in characters."""
    end: int
    quote: str


class Sources(TurnEvent):
    """What the model is given, before the first token. Empty: nothing was found.

    The last one counts.
    """

    type: Literal["sources"]
    sources: list[Source]
    searched: NotRequired[str]
    """What was searched for, where that is not the question as it was typed."""


class Token(TurnEvent):
    type: Literal["token"]
    text: str


class Reasoning(TurnEvent):
    """More of the model's thinking aloud; not part of the answer."""

    type: Literal["reasoning"]
    text: str


class CalledFunction(TypedDict):
    name: NotRequired[str]
    """In the first piece of a call."""
    arguments: str
    """The next piece of a JSON object."""


class ToolCallPiece(TypedDict):
    index: int
    id: NotRequired[str]
    """In the first piece of a call."""
    type: NotRequired[Literal["function"]]
    function: CalledFunction


class ToolCalls(TurnEvent):
    """More of the functions that the model asks to be called, in OpenAI's form."""

    type: Literal["tool_calls"]
    tool_calls: list[ToolCallPiece]


class Usage(TurnEvent):
    type: Literal["usage"]
    prompt_tokens: int
    completion_tokens: int


class TurnResumed(TurnEvent):
    type: Literal["turn.resumed"]
    epoch: int
    text_length: int
    """Characters (code points) of `text`."""
    text: str


class TurnCompleted(TurnEvent):
    type: Literal["turn.completed"]
    finish_reason: str
    """`stop`, `length` or `nothing-found`; a `length` answer can be continued."""
    ttft_ms: int | None
    duration_ms: int | None


class TurnFailed(TurnEvent):
    """The text so far is kept and can be continued."""

    type: Literal["turn.failed"]
    code: str
    sentence: str
    way_out: str


class TurnStopped(TurnEvent):
    type: Literal["turn.stopped"]


TERMINAL_EVENTS: Final = frozenset({"turn.completed", "turn.failed", "turn.stopped"})

ServerEvent = (
    TurnQueued
    | TurnStarted
    | Sources
    | Token
    | Reasoning
    | ToolCalls
    | Usage
    | TurnResumed
    | TurnCompleted
    | TurnFailed
    | TurnStopped
)
