"""What can go wrong with a model server, whatever it speaks.

InferenceError                 code                    another endpoint may do better
├── ServerBusy                 inference-busy          yes; carries `retry_after_seconds`
├── ServerGone                 inference-gone          yes; refused, broken off, 5xx
│   └── ServerFailed                                   yes; 500, maybe for texts to embed
├── ServerTimedOut             inference-timeout       yes
├── ServerRefused              inference-refused       yes; the API key is wrong or not allowed
├── AddressWrong               inference-address-wrong yes; nothing can be asked there
├── MalformedAnswer            inference-malformed     yes; not what the protocol says
├── BadRequest                 inference-bad-request   no; also "no such model"
└── PromptTooLong              inference-too-long      no

`detail` is for logs: a status, a limit that passed. `said` is what the server said, shortened, for
admins who check an endpoint: servers repeat prompts in their complaints, so it is never logged, nor
shown to end users. Neither holds an API key.
"""

from typing import ClassVar

from chatbot.contracts.errors import Unavailable

SAID_CHARACTERS = 300
RETRY_AFTER_SECONDS = 5


class InferenceError(Unavailable):
    """A model server did not do what it was asked."""

    code: ClassVar[str] = "inference-error"
    default_sentence: ClassVar[str] = "The inference server failed."
    default_way_out: ClassVar[str] = "Try again in a moment."
    is_worth_another_endpoint: ClassVar[bool] = True

    def __init__(
        self, detail: str = "", *, said: str = "", retry_after_seconds: int = RETRY_AFTER_SECONDS
    ) -> None:
        super().__init__(
            self.default_sentence,
            way_out=self.default_way_out,
            retry_after_seconds=retry_after_seconds,
        )
        self.detail = detail
        self.said = said[:SAID_CHARACTERS]

    def __str__(self) -> str:
        return f"{self.sentence} ({self.detail})" if self.detail else self.sentence


class ServerBusy(InferenceError):
    code = "inference-busy"
    default_sentence = "The inference server is busy, or still loading its model."


class ServerGone(InferenceError):
    code = "inference-gone"
    default_sentence = "The inference server can't be reached or broke off."
    default_way_out = "Try again in a moment; if it stays away, tell an administrator."


class ServerFailed(ServerGone):
    """It lives, and answered 500: some do so for texts that their model can't handle."""


class ServerTimedOut(InferenceError):
    code = "inference-timeout"
    default_sentence = "The inference server took too long."


class ServerRefused(InferenceError):
    code = "inference-refused"
    default_sentence = "The inference server doesn't accept our API key."
    default_way_out = "Tell an administrator: the endpoint's API key must be set."


class AddressWrong(InferenceError):
    code = "inference-address-wrong"
    default_sentence = "The inference server's address can't be used."
    default_way_out = "Tell an administrator: the endpoint's address must be corrected."


class MalformedAnswer(InferenceError):
    code = "inference-malformed"
    default_sentence = "The inference server sent something that is not an answer."
    default_way_out = (
        "Tell an administrator: the endpoint's address may lead to another kind of server."
    )


class BadRequest(InferenceError):
    code = "inference-bad-request"
    default_sentence = "The inference server doesn't understand the request."
    default_way_out = "Tell an administrator: the endpoint's model name may be wrong."
    is_worth_another_endpoint = False


class PromptTooLong(InferenceError):
    code = "inference-too-long"
    default_sentence = "The text is too long for the model."
    default_way_out = "Ask with a shorter text, or begin a new conversation."
    is_worth_another_endpoint = False
