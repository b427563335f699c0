import asyncio

import pytest

from chatbot.inference.connectors.gathering import (
    FEW_STREAMS,
    LONGEST_SECONDS,
    MANY_STREAMS,
    SLOT_SECONDS,
    SMOOTH_SECONDS,
    Gathering,
)
from chatbot.inference.connectors.protocol import TextDelta
from chatbot.inference.connectors.transport import connections
from tests.fakes.raw_server import read_request, running_raw_server
from tests.inference.connectors.streams import CHUNK, COMPLETE, collect, connector, question, say


class TestGathering:
    @pytest.mark.parametrize(
        ("streams", "seconds"),
        [
            pytest.param(1, 0.0, id="a lone one is looked at for each piece"),
            pytest.param(FEW_STREAMS, 0.0, id="few are, too"),
            pytest.param(30, SMOOTH_SECONDS / 2, id="more are gathered for a moment"),
            pytest.param(MANY_STREAMS, SMOOTH_SECONDS, id="many for a tenth of a second"),
            pytest.param(100, 0.125, id="a hundred"),
            pytest.param(10_000, LONGEST_SECONDS, id="never longer"),
        ],
    )
    async def test_grows_with_the_answers(self, streams: int, seconds: float) -> None:
        gathering = Gathering()

        gathering.streams = streams

        assert gathering.seconds == pytest.approx(seconds)

    async def test_is_due_at_once_for_a_lone_answer(self) -> None:
        gathering = Gathering()

        gathering.streams = 1

        assert gathering.is_due(asyncio.get_running_loop().time())

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
