"""What the sandbox's server of RapidOCR imports: functions that take and give JSON."""

import contextlib
from pathlib import Path
from typing import Any, Final

from chatbot.contracts.errors import Unavailable
from ocr_worker.engines.rapid import RapidEngine
from ocr_worker.engines.reading import read

_ENGINE: Final = RapidEngine()

# Every child inherits what is loaded before it is forked. If it isn't installed, the first call
# says so.
with contextlib.suppress(Unavailable):
    _ENGINE.load()


def recognise(*, model: str, **pages: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as for `read`
    """As `read`; `model` as for `RapidEngine`, empty for the package's own."""
    return read(RapidEngine(Path(model)) if model else _ENGINE, **pages)


FUNCTIONS = {"recognise": recognise}
