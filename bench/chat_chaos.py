"""What happens to answers when things break: processes killed, stores gone, connections dropped.

    python bench/chat_chaos.py kills --count 100
    python bench/chat_chaos.py resumes stops valkey postgres

Starts everything it needs. Every answer is compared with what the inference server was told to say
and with what is stored; the table says how many were wrong, which should be none.

kills     the process that writes is killed (SIGKILL) in the middle, with two replicas
resumes   connections are dropped and resumed at random moments, on alternating replicas
stops     answers are stopped at random moments, before the first token too
valkey    Valkey is killed and started again, and then wiped, during 100 answers
postgres  PostgreSQL is away for 20 s during 100 answers
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from chat_reader import Reader
from chat_rig import Rig, running_rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.chat_service.processes import ChatProcess

ANSWERS_PER_KILL: Final = 4
STREAMS: Final = 100
AWAY_SECONDS: Final = 20.0
CLOSED_SECONDS: Final = 1.0
chance = random.Random(7)  # noqa: S311 - moments, not secrets


@asynccontextmanager
async def readers(rig: Rig, count: int) -> "AsyncIterator[list[Reader]]":
    """New readers, each with a conversation of its own."""
    seats = await asyncio.to_thread(rig.seats, count)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        made = [Reader(session, seat) for seat in seats]
        try:
            yield made
        finally:
            for reader in made:
                reader.drop()


async def begin(reader: Reader, chat: "ChatProcess") -> None:
    await reader.connect(chat)
    await reader.ask()


def wrong(rig: Rig, found: Iterable[Reader], expected: str, *, end: str = "") -> list[str]:
    """What is wrong with the answers, as read and as stored."""
    found = list(found)
    stored = rig.stored([one.answer for one in found if one.answer])
    mistakes = []
    for one in found:
        if one.error or not one.ended or (end and one.ended != end):
            mistakes.append(one.error or one.ended or "no end")
        elif one.text != stored.get(one.answer):
            mistakes.append(f"read {len(one.text)}, stored {len(stored.get(one.answer, ''))}")
        elif one.ended == "turn.completed" and one.text != expected:
            mistakes.append(f"{len(one.text)} of {len(expected)} characters")
    return mistakes


async def kills(rig: Rig, count: int) -> dict[str, Any]:
    """Kills the owner of some answers; who reads goes on with the other replica."""
    expected = told(rig, tokens=200, rate=50)
    mistakes: list[str] = []
    gaps: list[float] = []
    for number in range(count):
        doomed = rig.chats.pop(0)
        async with readers(rig, ANSWERS_PER_KILL) as asking:
            await asyncio.gather(*(begin(one, doomed) for one in asking))
            reading = [asyncio.create_task(one.read_on(lambda: rig.chats)) for one in asking]
            await asyncio.sleep(chance.uniform(0.3, 3.8))
            await asyncio.to_thread(doomed.process.kill)
            await asyncio.gather(*reading)
            mistakes += await asyncio.to_thread(wrong, rig, asking, expected, end=COMPLETED)
            gaps += [one.longest_gap for one in asking]
        rig.chats.append(await asyncio.to_thread(rig.make_chat))
        print(f"kill {number + 1}: gap {max(gaps):.1f} s, wrong {len(mistakes)}", flush=True)
    return {
        "kills": count,
        "answers": len(gaps),
        "gap_median_s": round(statistics.median(gaps), 2),
        "gap_max_s": round(max(gaps), 2),
        **summary(mistakes),
    }


async def resumes(rig: Rig, count: int) -> dict[str, Any]:
    """Drops and resumes connections while the answers go on."""
    expected = told(rig, tokens=200, rate=20)
    per_answer = 5
    mistakes: list[str] = []
    milliseconds: list[float] = []
    for _ in range(-(-count // (per_answer * 50))):
        async with readers(rig, 50) as asking:
            await asyncio.gather(
                *(_drop_and_resume(rig, one, per_answer, milliseconds) for one in asking)
            )
            mistakes += await asyncio.to_thread(wrong, rig, asking, expected, end=COMPLETED)
    return {
        "resumes": len(milliseconds),
        "resume_median_ms": round(statistics.median(milliseconds), 1),
        "resume_p99_ms": round(sorted(milliseconds)[int(len(milliseconds) * 0.99)], 1),
        **summary(mistakes),
    }


async def _drop_and_resume(rig: Rig, reader: Reader, times: int, found: list[float]) -> None:
    await asyncio.sleep(chance.uniform(0, 4))
    await begin(reader, rig.chats[0])
    await reader.read(lambda: bool(reader.turn))
    for number in range(times):
        goal = reader.tokens + chance.randrange(1, 30)
        await reader.read(lambda: reader.tokens >= goal)  # noqa: B023 - read in this round
        if reader.ended:
            break
        reader.drop()
        await asyncio.sleep(chance.uniform(0, 0.5))
        began, seen = time.monotonic(), reader.seq
        await reader.connect(rig.chats[number % len(rig.chats)])
        await reader.resume()
        await reader.read(lambda: reader.seq > seen)  # noqa: B023 - read in this round
        found.append((time.monotonic() - began) * 1000)
    await reader.read_on(lambda: rig.chats)


async def stops(rig: Rig, count: int) -> dict[str, Any]:
    """Stops answers; the upstream must notice within a second, and nothing may be lost."""
    told(rig, tokens=2000, rate=50, delay_ms=300)
    mistakes: list[str] = []
    seconds: list[float] = []
    for _ in range(-(-count // 50)):
        rig.upstream.reset()
        told(rig, tokens=2000, rate=50, delay_ms=300)
        async with readers(rig, 50) as asking:
            seconds += await asyncio.gather(*(_stop(rig, one) for one in asking))
            await asyncio.sleep(CLOSED_SECONDS)
            running = rig.upstream.stats()["running"]
            mistakes += ["the upstream goes on"] * running
            mistakes += await asyncio.to_thread(wrong, rig, asking, "", end="turn.stopped")
    after = told(rig, tokens=20, rate=100)
    async with readers(rig, 20) as asking:
        await asyncio.gather(*(begin(one, rig.chats[0]) for one in asking))
        await asyncio.gather(*(one.read_on(lambda: rig.chats) for one in asking))
        mistakes += await asyncio.to_thread(wrong, rig, asking, after, end=COMPLETED)
    seconds.sort()
    return {
        "stops": len(seconds),
        "stop_median_ms": round(statistics.median(seconds) * 1000, 1),
        "stop_p99_ms": round(seconds[int(len(seconds) * 0.99)] * 1000, 1),
        **summary(mistakes),
    }


async def _stop(rig: Rig, reader: Reader) -> float:
    """Seconds from the stop to the terminal event."""
    await begin(reader, rig.chats[0])
    await reader.read(lambda: bool(reader.turn))
    reading = asyncio.create_task(reader.read())
    await asyncio.sleep(chance.uniform(0, 1.5))
    began = time.monotonic()
    await reader.stop()
    await reading
    return time.monotonic() - began


async def valkey(rig: Rig, _count: int) -> dict[str, Any]:
    """Valkey is killed and comes back; later it is wiped."""
    expected = told(rig, tokens=300, rate=15)
    async with readers(rig, STREAMS) as asking:
        reading = await _all_reading(rig, asking)
        await asyncio.sleep(4)
        await asyncio.to_thread(rig.valkey.kill)
        await asyncio.sleep(3)
        await asyncio.to_thread(rig.valkey.start)
        await asyncio.sleep(4)
        await asyncio.to_thread(rig.wipe_valkey)
        await asyncio.gather(*reading)
        mistakes = await asyncio.to_thread(wrong, rig, asking, expected, end=COMPLETED)
        gap = max(one.longest_gap for one in asking)
    return {"answers": STREAMS, "gap_max_s": round(gap, 2), **summary(mistakes)}


async def postgres(rig: Rig, _count: int) -> dict[str, Any]:
    """PostgreSQL is stopped for a while; answers that end meanwhile are stored after."""
    expected = told(rig, tokens=375, rate=15)
    async with readers(rig, STREAMS) as asking:
        reading = await _all_reading(rig, asking)
        await asyncio.sleep(3)
        await asyncio.to_thread(rig.postgres.stop)
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(rig.postgres.start)
        await asyncio.gather(*reading)
        await asyncio.to_thread(rig.forget_connection)
        mistakes = await asyncio.to_thread(wrong, rig, asking, expected, end=COMPLETED)
        gap = max(one.longest_gap for one in asking)
    return {"answers": STREAMS, "gap_max_s": round(gap, 2), **summary(mistakes)}


async def _all_reading(rig: Rig, asking: list[Reader]) -> list[asyncio.Task[None]]:
    tasks = []
    for one in asking:
        await begin(one, rig.chats[0])
        tasks.append(asyncio.create_task(one.read_on(lambda: rig.chats)))
        await asyncio.sleep(0.02)
    return tasks


def told(rig: Rig, *, tokens: int, rate: float, delay_ms: float = 50) -> str:
    """Tells the inference server what to say; returns it."""
    from tests.fakes.script import generated  # noqa: PLC0415 - after the path is set

    rig.upstream.script(tokens=tokens, rate=rate, delay_ms=delay_ms)
    return generated(tokens)


def summary(mistakes: list[str]) -> dict[str, Any]:
    return {"wrong": len(mistakes), "first_wrong": mistakes[0] if mistakes else ""}


COMPLETED: Final = "turn.completed"
SCENES: Final[dict[str, Callable[[Rig, int], Coroutine[Any, Any, dict[str, Any]]]]] = {
    "kills": kills,
    "resumes": resumes,
    "stops": stops,
    "valkey": valkey,
    "postgres": postgres,
}
DEFAULT_COUNTS: Final = {"kills": 100, "resumes": 1000, "stops": 1000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scenes", nargs="+", choices=list(SCENES))
    parser.add_argument("--count", type=int, help="kills, resumes or stops")
    given = parser.parse_args()
    with running_rig(replicas=2) as rig:
        for name in given.scenes:
            count = given.count or DEFAULT_COUNTS.get(name, 1)
            found = asyncio.run(SCENES[name](rig, count))
            print(f"{name:10}" + "  ".join(f"{key}={value}" for key, value in found.items()))
            print(json.dumps({"bench": "chat_chaos", "scene": name, **found}), flush=True)


if __name__ == "__main__":
    main()
