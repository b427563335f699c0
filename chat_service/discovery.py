"""The addresses that a host's name stands for, such as the pods of a headless service."""

import asyncio
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

logger = logging.getLogger(__name__)

RESOLVE_SECONDS: Final = 2.0
MAX_ADDRESSES: Final = 64
"""Of one name; more are left out."""
THREADS: Final = 4


class Resolver:
    """Asks the system's resolver, in threads of its own: one that hangs holds nobody else up."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolver")
        self._asking: dict[str, asyncio.Future[tuple[str, ...]]] = {}
        self._away: set[str] = set()

    async def addresses(self, url: str) -> tuple[str, ...]:
        """The addresses of the URL's host, in their order; none: the resolver doesn't know now."""
        host = urlsplit(url).hostname or ""
        if host not in self._asking:
            loop = asyncio.get_running_loop()
            asking = loop.run_in_executor(self._threads, _addresses, host)
            self._asking[host] = asking
            asking.add_done_callback(lambda _: self._asking.pop(host, None))
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                found = await asyncio.shield(self._asking[host])
        except (OSError, TimeoutError, UnicodeError) as error:
            if host not in self._away:
                logger.warning("the addresses of %s are not known: %s", host, type(error).__name__)
            self._away.add(host)
            return ()
        self._away.discard(host)
        return found


def _addresses(host: str) -> tuple[str, ...]:
    """Raises OSError or UnicodeError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(sorted({str(address[0]) for *_, address in found})[:MAX_ADDRESSES])
