"""The seam of a continued answer.

Chat templates strip spaces at the end of the last message, and models write tokens with the space
before them: the beginning of an answer is sent without the spaces at its end, and they are taken
off the continuation again.
"""


class Overlap:
    """What was shown, but not sent: skipped where the continuation begins with it."""

    def __init__(self, shown: str) -> None:
        self.sent = shown.rstrip()
        self._left = shown[len(self.sent) :]

    def cut(self, text: str) -> str:
        """The part of the next text that wasn't shown before."""
        if not self._left:
            return text
        if self._left.startswith(text):
            self._left = self._left[len(text) :]
            return ""
        repeated = self._left if text.startswith(self._left) else ""
        self._left = ""
        return text[len(repeated) :]
