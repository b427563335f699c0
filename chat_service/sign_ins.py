"""Whether everybody who is connected still may: looked up for all of them together.

So it costs a process a few statements every few seconds, however many connections it has. What is
asked is the database: it needs nobody who remembers to tell us.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

from chat_service.auth import SignIn, ended
from chat_service.database import in_database
from chatbot.contracts.errors import AppError, Unavailable

CHECK_SECONDS: Final = 3.0


class SignIns:
    """Of the open connections of this process."""

    def __init__(self) -> None:
        self._open: dict[SignIn, asyncio.Future[AppError]] = {}

    @contextlib.contextmanager
    def watched(self, sign_in: SignIn) -> Iterator[asyncio.Future[AppError]]:
        """While a connection is open; the future gets why it must be closed."""
        end: asyncio.Future[AppError] = asyncio.get_running_loop().create_future()
        self._open[sign_in] = end
        try:
            yield end
        finally:
            del self._open[sign_in]
            end.cancel()

    async def run(self) -> None:
        """Looks them up; never ends. While the database is away everybody stays."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if self._open:
                with contextlib.suppress(Unavailable):
                    self._tell(await in_database(ended, list(self._open)))

    def _tell(self, found: dict[SignIn, AppError]) -> None:
        for sign_in, error in found.items():
            end = self._open.get(sign_in)
            if end is not None and not end.done():
                end.set_result(error)
