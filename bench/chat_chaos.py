"""What happens to answers when things break: processes killed, stores gone, connections dropped.

    python bench/chat_chaos.py kills --count 100
    python bench/chat_chaos.py resumes stops valkey postgres

Starts everything it needs. Every answer is compared with what the inference server was told to say
and with what is stored; the table says how many were wrong, which should be none.

kills     the process that writes is killed (SIGKILL) in the middle, with two replicas
resumes   connections are dropped and resumed at random moments, on alternating replicas
stops     answers are stopped at random moments, before the first byte too
valkey    Valkey is killed and started again, and then wiped, during 100 answers
postgres  PostgreSQL is away for 20 s during 100 answers
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from chat_reader import (
    COMPLETED,
    SocketReader,
    begin,
    left_behind,
    readers,
    summary,
    wrong,
)
from chat_rig import QUESTION, Rig, quantile, running_rig

ANSWERS_PER_KILL: Final = 4
STREAMS: Final = 100
AWAY_SECONDS: Final = 20.0
CLOSED_SECONDS: Final = 1.0
STOPS_AT_ONCE: Final = 50
RESUMED_AT_ONCE: Final = 50
RESUMES_PER_ANSWER: Final = 5
chance = random.Random(7)  # noqa: S311 - moments, not secrets


async def kills(rig: Rig, count: int) -> dict[str, Any]:
    """Kills the owner of some answers; who reads goes on with the other replica."""
    expected = rig.tell(delay_ms=50, tokens=200, rate=50)
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
    expected = rig.tell(delay_ms=50, tokens=200, rate=20)
    mistakes: list[str] = []
    milliseconds: list[float] = []
    answers = 0
    # Answers that end before they were dropped often enough are made up for, within reason.
    while len(milliseconds) < count and answers * RESUMES_PER_ANSWER < 2 * count:
        async with readers(rig, RESUMED_AT_ONCE) as asking:
            await asyncio.gather(*(_drop_and_resume(rig, one, milliseconds) for one in asking))
            mistakes += await asyncio.to_thread(wrong, rig, asking, expected, end=COMPLETED)
        answers += RESUMED_AT_ONCE
    return {
        "answers": answers,
        "resumes": len(milliseconds),
        "resume_median_ms": round(statistics.median(milliseconds), 1),
        "resume_p99_ms": round(quantile(milliseconds, 0.99), 1),
        **summary(mistakes, {"count": len(milliseconds) >= count}),
    }


async def _drop_and_resume(rig: Rig, reader: SocketReader, found: list[float]) -> None:
    await asyncio.sleep(chance.uniform(0, 4))
    await begin(reader, rig.chats[0])
    await reader.read(lambda: bool(reader.turn))
    for number in range(RESUMES_PER_ANSWER):
        goal = time.monotonic() + chance.uniform(0, 1.4)
        await reader.read(lambda: time.monotonic() >= goal)  # noqa: B023 - read in this round
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
    """Stops answers: the upstream notices within a second, nothing is lost, no place is kept."""
    mistakes: list[str] = []
    told: list[float] = []
    closed: list[float] = []
    asked_upstream = 0
    for number in range(-(-count // STOPS_AT_ONCE)):
        rig.upstream.reset()
        # Every other time the upstream keeps even its headers back.
        rig.tell(tokens=2000, rate=50, delay_ms=300, late_headers=bool(number % 2))
        async with readers(rig, STOPS_AT_ONCE) as asking:
            stops = [_stop(rig, one, f"{QUESTION} {place}") for place, one in enumerate(asking)]
            stopped = await asyncio.gather(*stops)
            await asyncio.sleep(CLOSED_SECONDS)
            mistakes += ["the upstream goes on"] * rig.upstream.stats()["running"]
            mistakes += await asyncio.to_thread(wrong, rig, asking, "", end="turn.stopped")
        hung_up = rig.upstream.hang_ups()
        asked_upstream += rig.upstream.stats()["chat_requests"]
        for question, stopped_at, told_at in stopped:
            told.append(told_at - stopped_at)
            if question in hung_up:
                closed.append(hung_up[question] - stopped_at)
    mistakes += ["the upstream was not told"] * (asked_upstream - len(closed))
    mistakes += await left_behind(rig)
    after = rig.tell(tokens=20, rate=100, delay_ms=50)
    async with readers(rig, 20) as asking:
        await asyncio.gather(*(begin(one, rig.chats[0]) for one in asking))
        await asyncio.gather(*(one.read_on(lambda: rig.chats) for one in asking))
        mistakes += await asyncio.to_thread(wrong, rig, asking, after, end=COMPLETED)
    return {
        "stops": len(told),
        "stop_median_ms": round(quantile(told, 0.5) * 1000, 1),
        "stop_p99_ms": round(quantile(told, 0.99) * 1000, 1),
        "closed_median_ms": round(quantile(closed, 0.5) * 1000, 1),
        "closed_p99_ms": round(quantile(closed, 0.99) * 1000, 1),
        "asked_upstream": asked_upstream,
        **summary(mistakes, {"closed": quantile(closed, 0.99) <= CLOSED_SECONDS}),
    }


async def _stop(rig: Rig, reader: SocketReader, question: str) -> tuple[str, float, float]:
    """The question, when it was stopped, and when the reader was told so."""
    await begin(reader, rig.chats[0], question)
    await reader.read(lambda: bool(reader.turn))
    reading = asyncio.create_task(reader.read())
    await asyncio.sleep(chance.uniform(0, 1.5))
    stopped_at = time.monotonic()
    await reader.stop()
    await reading
    return question, stopped_at, time.monotonic()


async def valkey(rig: Rig, _count: int) -> dict[str, Any]:
    """Valkey is killed and comes back; later it is wiped."""

    async def harm() -> None:
        await asyncio.sleep(4)
        await asyncio.to_thread(rig.valkey.kill)
        await asyncio.sleep(3)
        await asyncio.to_thread(rig.valkey.start)
        await asyncio.sleep(4)
        await asyncio.to_thread(rig.wipe_valkey)

    return await _answers_while(rig, harm, tokens=300)


async def postgres(rig: Rig, _count: int) -> dict[str, Any]:
    """PostgreSQL is stopped for a while; answers that end meanwhile are stored after."""

    async def harm() -> None:
        await asyncio.sleep(3)
        await asyncio.to_thread(rig.postgres.stop)
        await asyncio.sleep(AWAY_SECONDS)
        await asyncio.to_thread(rig.postgres.start)

    return await _answers_while(rig, harm, tokens=375)


async def _answers_while(
    rig: Rig, harm: Callable[[], Coroutine[Any, Any, None]], *, tokens: int
) -> dict[str, Any]:
    """All answers have to be complete, whatever is done to the stores meanwhile."""
    expected = rig.tell(delay_ms=50, tokens=tokens, rate=15)
    async with readers(rig, STREAMS) as asking:
        reading = await _all_reading(rig, asking)
        await harm()
        await asyncio.gather(*reading)
        await asyncio.to_thread(rig.forget_connection)
        mistakes = await asyncio.to_thread(wrong, rig, asking, expected, end=COMPLETED)
        gap = max(one.longest_gap for one in asking)
    return {"answers": STREAMS, "gap_max_s": round(gap, 2), **summary(mistakes)}


async def _all_reading(rig: Rig, asking: list[SocketReader]) -> list[asyncio.Task[None]]:
    tasks = []
    for one in asking:
        await begin(one, rig.chats[0])
        tasks.append(asyncio.create_task(one.read_on(lambda: rig.chats)))
        await asyncio.sleep(0.02)
    return tasks


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
