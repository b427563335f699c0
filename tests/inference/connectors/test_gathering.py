import asyncio
import contextlib

import pytest

from chatbot.inference.connectors.errors import ServerTimedOut
from chatbot.inference.connectors.gathering import (
    FEW_STREAMS,
    LONGEST_SECONDS,
    Gathering,
)
from chatbot.inference.connectors.protocol import TextDelta
from chatbot.inference.connectors.transport import connections
from tests.fakes.raw_server import read_request, running_raw_server
from tests.inference.connectors.streams import (
    CHUNK,
    COMPLETE,
    SHORT_BETWEEN,
    collect,
    collect_until_error,
    connector,
    question,
    say,
)


class TestGathering:
    @pytest.mark.parametrize(
        ("streams", "seconds"),
        [
            pytest.param(1, 0.0, id="a lone one is looked at for each piece"),
            pytest.param(FEW_STREAMS, 0.0, id="few are, too"),
            pytest.param(20, 0.1, id="more are gathered for a moment"),
            pytest.param(30, 0.2, id="thirty wait for a fifth of a second and their slot"),
            pytest.param(130, 0.25, id="more hardly less often"),
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
        assert not gathering.is_due(loop.time() - gathering.seconds / 2)

    async def test_wakes_together_whose_time_is_near(self) -> None:
        gathering, loop = Gathering(), asyncio.get_running_loop()
        gathering.streams = 10_000
        began, woken = loop.time(), []

        async def wait(looked_at: float) -> None:
            await gathering.until_due(looked_at)
            woken.append(loop.time())

        await asyncio.gather(*(wait(began + number * 0.001) for number in range(50)))

        assert len({round(one, 2) for one in woken}) <= 3

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

    async def test_is_not_held_up_before_its_first_word(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            begin = b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'
            await say(writer, begin, b": wait\n\n", *COMPLETE, pause=0.05)

        held_up: list[float] = []
        gathering = connections().gathering
        gathering.streams = 10_000
        monkeypatch.setattr(gathering, "is_due", held_up.append)
        async with running_raw_server(answer) as base_url:
            stream = connector(base_url).stream(question(), stop=asyncio.Event())
            first = await anext(stream)
            held_up_before = list(held_up)
            await stream.aclose()

        assert first == TextDelta("Hi")
        assert held_up_before == []

    async def test_does_not_make_a_silent_server_s_time_longer(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            with contextlib.suppress(OSError):
                await say(writer, CHUNK % (b"Hi", b"null"), *[b": wait\n\n"] * 200, pause=0.05)

        connections().gathering.streams = 10_000
        began = asyncio.get_running_loop().time()
        async with running_raw_server(answer) as base_url:
            text, error = await collect_until_error(
                connector(base_url, limits=SHORT_BETWEEN), question()
            )

        assert text == "Hi"
        assert type(error) is ServerTimedOut
        assert asyncio.get_running_loop().time() - began < 5
