"""Memory of a chat process: idle, for each open stream, and over minutes of load.

    python bench/chat_memory.py                                  # half an hour
    python bench/chat_memory.py --minutes 2 --streams 20 --open 50 --open 100

Starts everything it needs. Figures are proportional memory (PSS) of the chat process and its
children. Streams are spread over the chat socket, server-sent events and the OpenAI-compatible
door. "Open" streams get two tokens a second while memory is looked at; under load each reader asks
again as soon as it has its answer. The slope is that of the line through the samples of the last
four fifths of the time. `/healthz` is asked five times a second, all the time.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import time
from typing import Any, Final

from chat_reader import DOORS, Crowd, begin, session, summary
from chat_rig import Rig, quantile, running_rig, watched_health

KILOBYTES: Final = 1024
IDLE_MEGABYTES: Final = 110.0
STREAM_KILOBYTES: Final = 100.0
FLAT_MEGABYTES: Final = 5.0
"""More than this in half an hour isn't flat."""
HEALTHZ_MS: Final = 50.0
FLAT_MINUTES: Final = 30
SETTLE_SECONDS: Final = 10.0
OPEN_RATE: Final = 2
OPEN_TOKENS: Final = 1000
"""More than there will be; streams are stopped at the end."""
LOOKS: Final = 5
LOAD_RATE: Final = 15
LOAD_TOKENS: Final = 200
SAMPLE_SECONDS: Final = 10.0


async def open_streams(rig: Rig, count: int) -> float:
    """Megabytes while so many streams are open."""
    rig.tell(delay_ms=50, rate=OPEN_RATE, tokens=OPEN_TOKENS)
    seats = await asyncio.to_thread(rig.seats, count)
    async with session() as connections:
        doors = itertools.cycle(DOORS.values())
        opened = [next(doors)(connections, rig, seat) for seat in seats]
        reading = []
        for one in opened:
            await begin(one, rig.chats[0])
            reading.append(asyncio.create_task(one.read_on(lambda: rig.chats)))
        await asyncio.sleep(SETTLE_SECONDS)
        looks = []
        for _ in range(LOOKS):
            looks.append(await asyncio.to_thread(rig.pss_megabytes))
            await asyncio.sleep(1)
        told = sum(bool(one.tokens) and not one.is_over for one in opened)
        await asyncio.to_thread(rig.stop_everything)
        await asyncio.gather(*reading)
        for one in opened:
            one.drop()
    if told < count:
        raise SystemExit(f"{told} of {count} streams were open at once")
    return statistics.median(looks)


async def loaded(rig: Rig, streams: int, seconds: float) -> tuple[list[tuple[float, float]], Crowd]:
    """Minutes and megabytes, as long as all ask and read."""
    expected = rig.tell(delay_ms=50, rate=LOAD_RATE, tokens=LOAD_TOKENS)
    seats = await asyncio.to_thread(rig.seats, streams)
    began, samples = time.monotonic(), []
    async with session() as connections:
        crowd = Crowd(connections, rig, expected, until=began + seconds)
        doors = itertools.cycle(DOORS.values())
        asking = [asyncio.create_task(crowd.ask_over_and_over(next(doors), seat)) for seat in seats]
        while time.monotonic() < crowd.until:
            await asyncio.sleep(SAMPLE_SECONDS)
            megabytes = await asyncio.to_thread(rig.pss_megabytes)
            samples.append(((time.monotonic() - began) / 60, megabytes))
            print(f"{samples[-1][0]:6.1f} min {megabytes:8.1f} MB", flush=True)
        await asyncio.gather(*asking)
    return samples, crowd


def measure(rig: Rig, given: argparse.Namespace) -> dict[str, Any]:
    time.sleep(SETTLE_SECONDS)
    idle = rig.pss_megabytes()
    asyncio.run(open_streams(rig, len(DOORS)))
    warm = rig.pss_megabytes()
    each = {}
    for count in given.open or (200, 500):
        taken = asyncio.run(open_streams(rig, count)) - warm
        each[count] = round(taken * KILOBYTES / count, 1)
    waited = rig.waited_seconds()
    with watched_health(rig.chats[0]) as healthz:
        samples, crowd = asyncio.run(loaded(rig, given.streams, given.minutes * 60))
    late = samples[len(samples) // 5 :]
    slope = statistics.linear_regression(*zip(*late, strict=True)).slope
    figures = {
        "idle_mb": round(idle, 1),
        "warm_mb": round(warm, 1),
        "kilobytes_per_stream": each,
        "load_first_mb": round(late[0][1], 1),
        "load_last_mb": round(late[-1][1], 1),
        "load_most_mb": round(max(megabytes for _, megabytes in samples), 1),
        "slope_mb_per_minute": round(slope, 3),
        "healthz_p99_ms": round(quantile(healthz, 0.99), 1),
        "waited_share": round((rig.waited_seconds() - waited) / given.minutes / 60, 3),
        "answers": crowd.answers,
    }
    bars = {
        "idle": idle <= IDLE_MEGABYTES,
        "each stream": max(each.values()) <= STREAM_KILOBYTES,
        "flat": slope * FLAT_MINUTES <= FLAT_MEGABYTES,
        "healthz": quantile(healthz, 0.99) < HEALTHZ_MS,
    }
    return {**figures, **summary(crowd.mistakes, bars)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30, help="of load")
    parser.add_argument("--streams", type=int, default=100, help="under load")
    parser.add_argument("--open", type=int, action="append", help="streams at once; else 200, 500")
    given = parser.parse_args()
    with running_rig() as rig:
        found = measure(rig, given)
    for name, value in found.items():
        print(f"{name:24}{value}")
    print(json.dumps({"bench": "chat_memory", "minutes": given.minutes, **found}))


if __name__ == "__main__":
    main()
