"""Which session at a server belongs to which conversation of ours."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol

MAX_SESSIONS: Final = 10_000


@dataclass(frozen=True, slots=True)
class KnownSession:
    id: str
    last_answer: str
    """Digest of the last thing that the session said."""


class SessionStore(Protocol):
    """Best effort: whoever forgets costs a new session that is told the conversation again."""

    async def get(self, key: str) -> KnownSession | None: ...

    async def put(self, key: str, session: KnownSession) -> None: ...

    async def forget(self, key: str) -> None: ...


class MemorySessions:
    """In this process, those used last."""

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._limit = limit
        self._known: OrderedDict[str, KnownSession] = OrderedDict()

    async def get(self, key: str) -> KnownSession | None:
        return self._known.get(key)

    async def put(self, key: str, session: KnownSession) -> None:
        self._known[key] = session
        self._known.move_to_end(key)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)

    async def forget(self, key: str) -> None:
        self._known.pop(key, None)
