"""Whether one person's flood keeps others waiting, where the model has four places.

    python bench/chat_overload.py                  # five minutes
    python bench/chat_overload.py --seconds 60

Starts everything it needs. Answers take four seconds. One person has 120 questions at once, half of
them over the chat socket and half over the OpenAI-compatible door; each that is refused is asked
again when `Retry-After` says so, each that is answered is asked anew. Five others ask one question,
wait for its answer, think for a few seconds and ask again. Beside their waits stand those that
first come, first served would give with the same questions, computed.
"""

import argparse
import asyncio
import heapq
import json
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from chat_reader import (
    COMPLETED,
    CompletionReader,
    Reader,
    SocketReader,
    begin,
    left_behind,
    session,
    summary,
    wrong,
)
from chat_rig import Rig, Seat, quantile, running_rig

PLACES: Final = 4
TOKENS: Final = 60
LIGHT_PEOPLE: Final = 5
THINK_SECONDS: Final = (1.0, 5.0)
WAIT_LIMIT_SECONDS: Final = 15.0
chance = random.Random(7)  # noqa: S311 - moments, not secrets


@dataclass
class Seen:
    """What happened to everybody's questions."""

    light: list[Reader] = field(default_factory=list)
    flood: list[Reader] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)

    def refused(self, reader: Reader) -> float:
        """Seconds after which to ask again."""
        refusal = reader.refusal
        self.refusals[str(refusal["code"])] += 1
        seconds: float = refusal.get("retry_after_seconds", 0)
        if not seconds:
            self.mistakes.append(f"refused without a time: {refusal}")
        return seconds or 1.0


async def overload(rig: Rig, given: argparse.Namespace) -> dict[str, Any]:
    expected = rig.tell(delay_ms=0, tokens=TOKENS, rate=TOKENS / given.answer_seconds)
    seen, until = Seen(), time.monotonic() + given.seconds
    flooding = await asyncio.to_thread(rig.seats, given.flood, each=given.flood)
    light = await asyncio.to_thread(rig.seats, LIGHT_PEOPLE, each=1)
    async with session() as connections:
        await asyncio.gather(
            *(_flood(connections, rig, seat, seen, until) for seat in flooding),
            *(_ask_now_and_then(connections, rig, seat, seen, until) for seat in light),
        )
    everybody = [*seen.light, *seen.flood]
    seen.mistakes += await asyncio.to_thread(wrong, rig, everybody, expected, end=COMPLETED)
    seen.mistakes += _wrong_positions(seen.light) + await left_behind(rig)
    return figures_of(seen, waits_in_order(given))


async def _flood(
    connections: aiohttp.ClientSession, rig: Rig, seat: Seat, seen: Seen, until: float
) -> None:
    """One of the questions that are asked all at once, over and over."""
    door = SocketReader if chance.random() < 1 / 2 else CompletionReader
    while time.monotonic() < until:
        reader: Reader = door(connections, rig, seat)
        await _read(reader, rig)
        if reader.refusal:
            await asyncio.sleep(min(seen.refused(reader), until - time.monotonic()))
        else:
            seen.flood.append(reader)


async def _ask_now_and_then(
    connections: aiohttp.ClientSession, rig: Rig, seat: Seat, seen: Seen, until: float
) -> None:
    await asyncio.sleep(chance.uniform(*THINK_SECONDS))
    while time.monotonic() < until:
        reader = SocketReader(connections, rig, seat)
        await _read(reader, rig)
        seen.light.append(reader)
        if reader.refusal:
            await asyncio.sleep(seen.refused(reader))
        await asyncio.sleep(chance.uniform(*THINK_SECONDS))


async def _read(reader: Reader, rig: Rig) -> None:
    await begin(reader, rig.chats[0])
    await reader.read_on(lambda: rig.chats)
    reader.drop()


def _wrong_positions(light: list[Reader]) -> list[str]:
    """Of people with a single question: behind everybody else's next one at most, and falling."""
    fair = 1 + LIGHT_PEOPLE
    return [
        f"positions {one.positions}"
        for one in light
        if one.positions != sorted(one.positions, reverse=True)
        or max(one.positions, default=0) > fair
    ]


def figures_of(seen: Seen, in_order: list[float]) -> dict[str, Any]:
    waits = [one.first_at - one.asked_at for one in seen.light if one.first_at]
    flood = [one.first_at - one.asked_at for one in seen.flood if one.first_at]
    return {
        "answers": len(seen.light) + len(seen.flood),
        "light_answers": len(seen.light),
        "light_wait_median_s": round(quantile(waits, 0.5), 2),
        "light_wait_p95_s": round(quantile(waits, 0.95), 2),
        "light_wait_max_s": round(max(waits, default=0), 2),
        "in_order_wait_median_s": round(statistics.median(in_order), 2),
        "in_order_wait_p95_s": round(quantile(in_order, 0.95), 2),
        "flood_wait_p95_s": round(quantile(flood, 0.95), 2),
        "highest_position": max((max(one.positions, default=0) for one in seen.light), default=0),
        "refusals": dict(seen.refusals),
        **summary(seen.mistakes, {"light wait": quantile(waits, 0.95) <= WAIT_LIMIT_SECONDS}),
    }


def waits_in_order(given: argparse.Namespace) -> list[float]:
    """What light people would wait, if all questions were taken in and served as they come."""
    free_at = [0.0] * PLACES
    asking = [(0.0, number, False) for number in range(1, given.flood + 1)]
    asking += [(chance.uniform(*THINK_SECONDS), -number, True) for number in range(LIGHT_PEOPLE)]
    heapq.heapify(asking)
    waits = []
    while asking and asking[0][0] < given.seconds:
        asked_at, number, is_light = heapq.heappop(asking)
        begins_at = max(asked_at, heapq.heappop(free_at))
        heapq.heappush(free_at, begins_at + given.answer_seconds)
        pause = chance.uniform(*THINK_SECONDS) if is_light else 0
        heapq.heappush(asking, (begins_at + given.answer_seconds + pause, number, is_light))
        if is_light:
            waits.append(begins_at - asked_at)
    return waits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--flood", type=int, default=120, help="questions of one person at once")
    parser.add_argument("--answer-seconds", type=float, default=4)
    given = parser.parse_args()
    with running_rig(concurrency=PLACES) as rig:
        found = asyncio.run(overload(rig, given))
    for name, value in found.items():
        print(f"{name:24}{value}")
    print(json.dumps({"bench": "chat_overload", "seconds": given.seconds, **found}))


if __name__ == "__main__":
    main()
