"""Whether everybody who is connected still may: looked up for all of them together.

So it costs a process a few statements every few seconds, however many connections it has. What is
asked is the database: it needs nobody who remembers to tell us. Who asks again meanwhile with the
same credentials isn't looked up once more.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chat_service.auth import Credentials, SignIn, ended, sign_in
from chat_service.database import in_database
from chatbot.contracts.errors import AppError, Unavailable

CHECK_SECONDS: Final = 3.0
FRESH_SECONDS: Final = 4.0
"""A look counts until the next one has been taken, also for who comes back."""


@dataclass(slots=True)
class _Open:
    """Somebody with connections."""

    end: asyncio.Future[AppError]
    looked_up_at: float
    connections: int = 0

    def is_fresh(self) -> bool:
        return time.monotonic() - self.looked_up_at <= FRESH_SECONDS


class SignIns:
    """Of the open connections of this process."""

    def __init__(self) -> None:
        self._open: dict[SignIn, _Open] = {}
        self._known: dict[Credentials, SignIn] = {}

    async def sign_in(self, credentials: Credentials) -> SignIn:
        """Who may hold conversations with these credentials.

        Raises:
            NotAuthenticated: they are not valid, or not any more.
            NotAllowed: an API key without the scope `chat`.
            Unavailable: the database is away.
        """
        known = self.known(credentials)
        return known if known is not None else await in_database(sign_in, credentials)

    def known(self, credentials: Credentials) -> SignIn | None:
        """Who is connected with the same credentials, or was just now, and was looked up since."""
        found = self._known.get(credentials)
        if found is None or not self._open[found].is_fresh():
            return None
        has_expired = found.expires_at is not None and time.time() >= found.expires_at
        return None if has_expired else found

    @contextlib.contextmanager
    def watched(self, sign_in: SignIn) -> Iterator[asyncio.Future[AppError]]:
        """While a connection is open; the future gets why it must be closed."""
        one = self._open.get(sign_in)
        if one is None:
            end: asyncio.Future[AppError] = asyncio.get_running_loop().create_future()
            one = self._open[sign_in] = _Open(end, sign_in.looked_up_at)
            self._known[sign_in.credentials] = sign_in
        one.connections += 1
        try:
            yield one.end
        finally:
            one.connections -= 1

    async def run(self) -> None:
        """Looks them up; never ends. While the database is away everybody stays."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self._clear()
            connected = [known for known, one in self._open.items() if one.connections]
            if connected:
                with contextlib.suppress(Unavailable):
                    await self._look_up(connected)

    async def _look_up(self, sign_ins: list[SignIn]) -> None:
        now = time.monotonic()
        found = await in_database(ended, sign_ins)
        for known in self._open.keys() & sign_ins:
            one = self._open[known]
            one.looked_up_at = now
            if known in found and not one.end.done():
                one.end.set_result(found[known])
                self._forget(known)

    def _clear(self) -> None:
        """Forgets who has left; for a moment they may come back without a look."""
        for left, one in list(self._open.items()):
            if not one.connections and not one.is_fresh():
                del self._open[left]
                self._forget(left)
                one.end.cancel()

    def _forget(self, sign_in: SignIn) -> None:
        if self._known.get(sign_in.credentials) is sign_in:
            del self._known[sign_in.credentials]
