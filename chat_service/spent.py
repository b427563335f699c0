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
        self._counted_letters = 0
        self._untold = 0

    def stands(self, text: str) -> None:
        """The run begins with a text, which was counted unless its writer died."""
        self._counted = self._claim.completion_tokens if text else 0
        is_untold = self._claim.is_orphan and not self._counted
        self._counted_letters = 0 if is_untold else len(text)
        self._untold = _estimated(text[self._counted_letters :])

    def broke_off(self, text: str, asides: "Asides") -> None:
        """The server has; the answer and what stands beside it are so long by now."""
        self._untold = _estimated(text[self._counted_letters :] + asides.text)

    def by_run(self) -> UsageReport | None:
        """What is to be paid for now."""
        if self.told is None:
            return None
        return UsageReport(self.told.prompt_tokens, self.told.completion_tokens + self._untold)

    def in_all(self) -> UsageReport | None:
        """With what stood when the run began."""
        own = self.by_run()
        return own and UsageReport(own.prompt_tokens, own.completion_tokens + self._counted)


def _estimated(text: str) -> int:
    return estimate_tokens(text) if text else 0
