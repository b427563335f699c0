"""Why a start ends: a sentence that says what is wrong, and the way out."""


class StartRefused(Exception):
    """The stack can't start, or didn't. Shown without a traceback."""

    def __init__(self, sentence: str, *, way_out: str = "", lines: list[str] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.way_out = way_out
        self.lines = lines or []

    def __str__(self) -> str:
        return "\n".join([self.sentence, *self.lines, *([self.way_out] if self.way_out else [])])
