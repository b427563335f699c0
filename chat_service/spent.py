"""Tokens that an answer has cost: as the server that ended it counts, estimated for those before.

Servers tell at the end. One that broke off has told nothing, nor has one whose reader died; the
server that goes on counts only what it adds.
"""

from typing import TYPE_CHECKING

from chat_service.token_estimate import estimate_tokens
from chatbot.inference.connectors.protocol import UsageReport

if TYPE_CHECKING:
    from chat_service.asides import Asides
    from chatbot.conversations.services.claims import Claim


class Spent:
    """On one answer, by this run and by those before."""

    def __init__(self, claim: "Claim") -> None:
        self.told: UsageReport | None = None
        """By the server that came to the end; None: nothing is known, so nothing is counted."""
        self._claim = claim
        self._counted = 0
        """Tokens of what stood when the run began; they have been paid for."""
        self._letters = self._letters_beside = 0
        """Of the answer, and of what stands beside it, when the server began that is asked now."""
        self._kept = self._untold = 0
        """Estimates: of what stood or was taken back, and of what the last server wrote."""

    def stands(self, text: str) -> None:
        """The run begins with a text, which was counted unless its writer died."""
        self._counted = self._claim.completion_tokens if text else 0
        self._letters = len(text)
        self._kept = max(0, _estimated(text) - self._counted) if self._claim.is_orphan else 0

    def broke_off(self, text: str, asides: "Asides") -> None:
        """The server has; the answer and what stands beside it are so long by now."""
        self._untold = _estimated(text[self._letters :] + asides.text[self._letters_beside :])

    def begins_anew(self, asides: "Asides") -> None:
        """The next server can't continue: the text is taken back, and has cost what it cost."""
        self._kept, self._untold = self._kept + self._untold, 0
        self._counted = self._letters = 0
        self._letters_beside = len(asides.text)

    def by_run(self) -> UsageReport | None:
        """What is to be paid for now."""
        if self.told is None:
            return None
        before = self._kept + self._untold
        return UsageReport(self.told.prompt_tokens, self.told.completion_tokens + before)

    def in_all(self) -> UsageReport | None:
        """With what stood when the run began."""
        own = self.by_run()
        return own and UsageReport(own.prompt_tokens, own.completion_tokens + self._counted)


def _estimated(text: str) -> int:
    return estimate_tokens(text) if text else 0
