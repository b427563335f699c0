import asyncio

from chatbot.inference.connectors.gathering import (
    LONGEST_SECONDS,
    SECONDS_PER_STREAM,
    SLOT_SECONDS,
    Gathering,
)
from chatbot.inference.connectors.protocol import TextDelta
from chatbot.inference.connectors.transport import connections
from tests.fakes.raw_server import read_request, running_raw_server
from tests.inference.connectors.streams import CHUNK, COMPLETE, collect, connector, question, say


class TestGathering:
    async def test_is_as_long_as_there_are_answers(self) -> None:
        gathering = Gathering()

        gathering.streams = 100

        assert gathering.seconds == 100 * SECONDS_PER_STREAM

    async def test_has_a_bound(self) -> None:
        gathering = Gathering()

        gathering.streams = 10_000

        assert gathering.seconds == LONGEST_SECONDS

    async def test_is_over_at_once_for_a_lone_answer(self) -> None:
        gathering, now = Gathering(), asyncio.get_running_loop().time()

        gathering.streams = 1

        assert gathering.is_due(now - SECONDS_PER_STREAM)

    async def test_waits_for_the_next_slot(self) -> None:
        gathering, loop = Gathering(), asyncio.get_running_loop()
        gathering.streams = 100
        began = loop.time()

        await asyncio.gather(*(gathering.until_due(began) for _ in range(10)))

        assert loop.time() - began >= gathering.seconds
        assert not gathering.is_due(loop.time() - gathering.seconds + SLOT_SECONDS)

    async def test_lets_those_go_who_were_cancelled(self) -> None:
        gathering = Gathering()
        gathering.streams = 100
        now = asyncio.get_running_loop().time()
        gone = asyncio.create_task(gathering.until_due(now))
        waiting = asyncio.create_task(gathering.until_due(now))
        await asyncio.sleep(0)

        gone.cancel()
        await asyncio.wait_for(waiting, 5)

        assert gone.cancelled()


class TestStreamedAnswer:
    async def test_is_taken_together_where_there_are_many(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            dots = [CHUNK % (b".", b"null")] * 20
            await say(writer, CHUNK % (b"first", b"null"), *dots, *COMPLETE, pause=0.01)

        connections().gathering.streams = 10_000
        async with running_raw_server(answer) as base_url:
            items = await collect(connector(base_url), question())

        texts = [item for item in items if isinstance(item, TextDelta)]
        assert texts[0] == TextDelta("first")
        assert "".join(one.text for one in texts).startswith("first" + "." * 20)
        assert len(texts) <= 5
