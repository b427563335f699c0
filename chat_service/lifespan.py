"""Start and end of the process, as the server tells them."""

import asyncio
import signal
from types import FrameType

from chat_service import tracing
from chat_service.connection import Receive, Scope, Send
from chat_service.replica import Replica


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI lifespan: connections find the replica in `scope["state"]`."""
    await receive()
    replica = Replica()
    scope["state"]["replica"] = replica
    tracing.start(instance=replica.name)
    replica.start()
    _drain_at_sigterm(replica)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await replica.close()
    await tracing.end()
    await send({"type": "lifespan.shutdown.complete"})


def _drain_at_sigterm(replica: Replica) -> None:
    """Tells the replica before the server waits for open responses to end.

    The server's own handler is called after.
    """
    loop = asyncio.get_running_loop()
    servers_own = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(replica.drain)
        if callable(servers_own):
            servers_own(number, frame)

    signal.signal(signal.SIGTERM, drain)
