import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

import pytest

from chat_service.connection import SEND_SECONDS, Sender
from chat_service.patience import LOOK_SECONDS, Patience


class Client:
    """Takes what it is sent when it is told to."""

    def __init__(self) -> None:
        self.takes = asyncio.Event()

    async def send(self, _message: MutableMapping[str, Any]) -> None:
        await self.takes.wait()


class TestSender:
    async def test_is_stuck_after_a_while_in_which_nothing_was_taken(self) -> None:
        sender = Sender(Client().send)
        sending = asyncio.create_task(sender({}))
        await asyncio.sleep(0)
        now = time.monotonic()

        assert not sender.is_stuck(now)
        assert sender.is_stuck(now + SEND_SECONDS + 1)
        sending.cancel()

    async def test_is_not_freed_by_a_heartbeat_that_waits_behind(self) -> None:
        sender = Sender(Client().send)
        sending = asyncio.create_task(sender({}))
        await asyncio.sleep(0.2)
        late = time.monotonic() + SEND_SECONDS - 0.1
        beating = asyncio.create_task(sender({}))
        await asyncio.sleep(0)

        assert sender.is_stuck(late)
        sending.cancel()
        beating.cancel()

    async def test_is_free_again_when_everything_was_taken(self) -> None:
        client = Client()
        sender = Sender(client.send)
        sending = asyncio.create_task(sender({}))
        await asyncio.sleep(0)

        client.takes.set()
        await sending

        assert not sender.is_stuck(time.monotonic() + SEND_SECONDS + 1)


class TestPatience:
    async def test_tells_of_a_client_that_is_stuck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("chat_service.connection.SEND_SECONDS", 0.0)
        patience = Patience()
        looking = asyncio.create_task(patience.run())
        sender, other = Sender(Client().send), Sender(Client().send)
        sending = asyncio.create_task(sender({}))

        with patience.watched(sender) as stuck, patience.watched(other) as fine:
            await asyncio.wait_for(stuck, 5 * LOOK_SECONDS)

            assert not fine.done()
        looking.cancel()
        sending.cancel()
