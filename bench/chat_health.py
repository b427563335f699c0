"""How long an address takes to answer, five times a second, in milliseconds: a line for each.

    python bench/chat_health.py http://127.0.0.1:8000/stream/healthz

The other chat benches start it beside themselves: whoever reads a hundred answers can't tell in
time. An answer that doesn't come counts as ten seconds. Ends with SIGINT, then prints.
"""

import asyncio
import signal
import sys
import time
from itertools import count
from typing import Final
from urllib.parse import urlsplit

PER_SECOND: Final = 5
PATIENCE_SECONDS: Final = 10.0


async def ask(address: str) -> float:
    """Milliseconds of one answer, connection included."""
    began, place = time.perf_counter(), urlsplit(address)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            lines = f"GET {place.path} HTTP/1.1", f"Host: {place.netloc}", "Connection: close"
            writer.write("\r\n".join((*lines, "", "")).encode())
            answer = await reader.read()
            writer.close()
    except OSError:
        answer = b""
    is_well = answer.startswith(b"HTTP/1.1 200")
    return (time.perf_counter() - began if is_well else PATIENCE_SECONDS) * 1000


async def watch(address: str, asked: list[asyncio.Task[float]]) -> None:
    """Asks at fixed moments, whether or not the answer before has come."""
    began = time.perf_counter()
    for number in count(1):
        asked.append(asyncio.create_task(ask(address)))
        await asyncio.sleep(began + number / PER_SECOND - time.perf_counter())


async def main(address: str) -> None:
    asked: list[asyncio.Task[float]] = []
    try:
        await watch(address, asked)
    finally:
        for milliseconds in await asyncio.gather(*asked):
            print(round(milliseconds, 2))


if __name__ == "__main__":
    # Shells start what runs in the background deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        asyncio.run(main(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit()
