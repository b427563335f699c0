"""Many answers at once: time to the first token, CPU per token, and whether all of them arrive.

    python bench/chat_streams.py                       # all loads and ways
    python bench/chat_streams.py --load 100x50 --way websocket

Starts everything it needs: PostgreSQL, Valkey, the scripted inference server (first token after
50 ms) and one chat process, which has a core for itself. A load `100x50` is 100 streams of 50
tokens a second each, begun over four seconds. Each load is run bare (the inference server itself)
and through the chat service, in one run; the difference of the medians is our share. CPU is that of
the chat process alone, stored answers and stream log included.

`slowed` is how many times as long a fixed piece of work took meanwhile on the core of the chat
process as it does there at best in the whole run. On shared machines CPU rises with it, if less:
so of several `--rounds` the CPU is that of the one that took least.

With `--health` another process asks for /healthz five times a second, over a new connection each
time, which costs the chat process up to 0.003 CPU-seconds per 1,000 tokens.

Before each, fifty streams open connections and fill caches: they are not counted.

Every answer is compared with what the server was told to say: a lost, doubled or reordered token is
an error.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from chat_reader import server_sent
from chat_rig import QUESTION, Pace, Rig, Seat, quantile, running_rig, watched_health

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

BEGIN_SECONDS = 4.0
PATIENCE_SECONDS = 120.0
LOADS = ("1x50", "10x50", "100x50", "500x15", "1000x7")
TOKENS = 200
DELAY_MS = 50
LONGEST_SECONDS = 10
"""Slow streams send fewer tokens."""
WARM_UP_STREAMS = 50
ROUNDS_OF_ONE = 10


@dataclass
class Told:
    """One answer as a client saw it; seconds since it asked."""

    first: float | None = None
    between: list[float] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    last_at: float = 0.0
    seq: int = 0
    error: str = ""

    def hear(self, text: str, began: float) -> None:
        now = time.perf_counter()
        if self.first is None:
            self.first = now - began
        else:
            self.between.append(now - self.last_at)
        self.last_at = now
        self.text.append(text)

    def apply(self, event: dict[str, Any], began: float) -> bool:
        """Takes one event of a turn in; true at the end."""
        kind: str = event["type"]
        if "seq" not in event:
            self.error = str(event) if kind == "error" else ""
            return kind == "error"
        if event["seq"] != self.seq + 1:
            self.error = f"{event['seq']} came after {self.seq}"
        self.seq = event["seq"]
        if kind == "token":
            self.hear(event["text"], began)
        elif kind in {"turn.failed", "turn.stopped"}:
            self.error = str(event)
        return kind in {"turn.completed", "turn.failed", "turn.stopped"}


@dataclass
class Client:
    """Somebody who asks."""

    rig: Rig
    seat: Seat
    session: aiohttp.ClientSession
    socket: aiohttp.ClientWebSocketResponse | None = None
    """Of those who ask over one; connected before anybody asks, as a browser's is."""

    async def connect(self) -> None:
        address = f"{self.rig.chat_of(self.seat).http}/ws/chat"
        self.socket = await self.session.ws_connect(address, headers=_bearer(self.seat), compress=0)
        await self.socket.receive()


Ask = Callable[[Client], Coroutine[Any, Any, Told]]


async def bare(client: Client) -> Told:
    """The inference server itself."""
    address = f"{client.rig.upstream.base_url}/chat/completions"
    return await _completion(client.session, address, _JSON)


async def openai(client: Client) -> Told:
    """The OpenAI-compatible door; asked and read in one request."""
    address = f"{client.rig.chat_of(client.seat).http}/v1/chat/completions"
    return await _completion(client.session, address, _bearer(client.seat) | _JSON)


async def _completion(
    session: aiohttp.ClientSession, address: str, headers: dict[str, str]
) -> Told:
    told, began = Told(), time.perf_counter()
    messages = [{"role": "user", "content": QUESTION}]
    body = {"model": "Scripted", "messages": messages, "stream": True}
    async with session.post(address, data=orjson.dumps(body), headers=headers) as response:
        response.raise_for_status()
        async for _, event in server_sent(response):
            for choice in event["choices"]:
                if text := choice["delta"].get("content"):
                    told.hear(text, began)
    return told


async def websocket(client: Client) -> Told:
    """The chat socket."""
    if client.socket is None:
        raise RuntimeError("not connected")
    ask = {"type": "ask", "conversation": client.seat.conversation, "text": QUESTION}
    frame = orjson.dumps({**ask, "client_id": str(uuid.uuid4())}).decode()
    told, began = Told(), time.perf_counter()
    await client.socket.send_str(frame)
    async for message in client.socket:
        if told.apply(orjson.loads(message.data), began):
            break
    await client.socket.close()
    return told


async def server_sent_events(client: Client) -> Told:
    """Server-sent events; asked and read in one request."""
    rig, seat = client.rig, client.seat
    began = time.perf_counter()
    address = f"{rig.chat_of(seat).http}/stream/conversations/{seat.conversation}/messages"
    body, headers = orjson.dumps({"text": QUESTION}), _bearer(seat) | _JSON
    return await _told(client.session.post(address, data=body, headers=headers), began)


async def asked_over_rest(client: Client) -> Told:
    """Asked as the REST API does, in this process; read over SSE."""
    rig, seat = client.rig, client.seat
    began = time.perf_counter()
    asked = await asyncio.get_running_loop().run_in_executor(_threads, rig.ask, seat, QUESTION)
    address = f"{rig.chat_of(seat).http}/stream/turns/{asked.turn_id}"
    return await _told(client.session.get(address, headers=_bearer(seat)), began)


async def _told(
    request: "AbstractAsyncContextManager[aiohttp.ClientResponse]", began: float
) -> Told:
    """A turn's events, up to its end."""
    told = Told()
    async with request as response:
        response.raise_for_status()
        async for _, event in server_sent(response):
            if told.apply(event, began):
                break
    return told


WAYS: dict[str, Ask] = {
    "websocket": websocket,
    "sse": server_sent_events,
    "openai": openai,
    "rest": asked_over_rest,
}
_JSON = {"Content-Type": "application/json"}
_threads = ThreadPoolExecutor(8)


def _bearer(seat: Seat) -> dict[str, str]:
    return {"Authorization": f"Bearer {seat.token}"}


@dataclass
class Run:
    """One load on one way."""

    answers: list[Told]
    cpu_seconds: float
    pss: float
    healthz: list[float] = field(default_factory=list)
    pace: list[float] = field(default_factory=list)

    def first_ms(self) -> list[float]:
        return sorted(one.first * 1000 for one in self.answers if one.first is not None)

    def goodput(self, tokens: int) -> float:
        """Tokens a second of all streams together, while each of them streams."""
        streamed = [sum(one.between) for one in self.answers]
        return sum((tokens - 1) / seconds for seconds in streamed if seconds)

    def errors(self, expected: str) -> list[str]:
        """What went wrong, an entry for each answer that isn't as it should be."""
        return [
            one.error or f"{len(''.join(one.text))} of {len(expected)} characters"
            for one in self.answers
            if one.error or "".join(one.text) != expected
        ]


async def run(rig: Rig, ask: Ask, seats: list[Seat]) -> Run:
    """Begins the streams over four seconds and waits for all of them."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        clients = [Client(rig, seat, session) for seat in seats]
        if ask is websocket:
            for client in clients:
                await client.connect()
        before = rig.cpu_seconds()
        # Memory is looked at while nobody waits for a first token: that takes a core for a while.
        pause = BEGIN_SECONDS / max(2, len(seats))
        tasks = []
        for client in clients:
            tasks.append(asyncio.create_task(_asked(ask, client)))
            await asyncio.sleep(pause)
        pss = rig.pss_megabytes()
        answers = await asyncio.gather(*tasks)
        return Run(answers, rig.cpu_seconds() - before, pss)


async def _asked(ask: Ask, client: Client) -> Told:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await ask(client)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Told(error=repr(error)[:200])


def figures_of(runs: list[Run], pace: Pace, *, tokens: int, expected: str) -> dict[str, Any]:
    """Times of all runs together; CPU of the one that took least, for others can only add to it."""
    first = sorted(itertools.chain.from_iterable(one.first_ms() for one in runs))
    answers = [answer for one in runs for answer in one.answers]
    between = sorted(pause * 1000 for answer in answers for pause in answer.between)
    errors = [error for one in runs for error in one.errors(expected)]
    healthz = [seconds for one in runs for seconds in one.healthz]
    costs = [round(one.cpu_seconds / (tokens * len(one.answers)) * 1000, 4) for one in runs]
    least = costs.index(min(costs))
    return {
        "ttft_median_ms": round(statistics.median(first), 1) if first else None,
        "ttft_p99_ms": round(quantile(first, 0.99), 1) if first else None,
        "between_p99_ms": round(quantile(between, 0.99), 1) if between else None,
        "tokens_per_second": round(statistics.median(one.goodput(tokens) for one in runs)),
        "cpu_per_1000_tokens": costs[least],
        "cpu_of_each_round": costs,
        "core_slowed": round(pace.slowed(runs[least].pace), 2),
        "healthz_p99_ms": round(quantile(healthz, 0.99), 1) if healthz else None,
        "pss_megabytes": round(max(one.pss for one in runs), 1),
        "errors": len(errors),
        "first_error": errors[0] if errors else "",
    }


def rounds_of(rig: Rig, streams: int) -> list[list[Seat]]:
    """Who asks, at once and one after the other: a lone person asks several times."""
    if streams > 1:
        return [rig.seats(streams)]
    return [[seat] for seat in rig.seats(ROUNDS_OF_ONE)]


def once(rig: Rig, pace: Pace, ask: Ask, streams: int, *, asks_for_health: bool) -> Run:
    """One load on one way, after a warm-up."""
    asyncio.run(run(rig, ask, rig.seats(WARM_UP_STREAMS)))
    watching: AbstractContextManager[list[float]] = (
        watched_health(rig.chats[0]) if asks_for_health else nullcontext([])
    )
    with watching as healthz, pace.watched() as paces:
        first, *others = rounds_of(rig, streams)
        done = asyncio.run(run(rig, ask, first))
        for seats in others:
            again = asyncio.run(run(rig, ask, seats))
            done.answers += again.answers
            done.cpu_seconds += again.cpu_seconds
    done.healthz, done.pace = healthz, paces
    return done


def measure(rig: Rig, pace: Pace, load: str, given: argparse.Namespace) -> dict[str, Any]:
    """Figures of one load, bare first; ways take turns."""
    streams, rate = (int(part) for part in load.split("x"))
    tokens = min(TOKENS, rate * LONGEST_SECONDS)
    expected = rig.tell(delay_ms=DELAY_MS, rate=rate, tokens=tokens)
    asks = {name: WAYS.get(name, bare) for name in ("bare", *(given.way or WAYS))}
    runs: dict[str, list[Run]] = {name: [] for name in asks}
    for _ in range(given.rounds):
        for name, ask in asks.items():
            runs[name].append(once(rig, pace, ask, streams, asks_for_health=given.health))
    return {
        name: figures_of(done, pace, tokens=tokens, expected=expected)
        for name, done in runs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--load", action="append", help=f"else {', '.join(LOADS)}")
    parser.add_argument("--way", action="append", choices=list(WAYS))
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1, help="of each load and way")
    parser.add_argument("--health", action="store_true", help="ask for /healthz meanwhile")
    given = parser.parse_args()
    print(
        f"{'load':9}{'way':10}{'TTFT ms':>9}{'p99':>8}{'added':>8}{'between p99':>13}"
        f"{'tokens/s':>10}{'CPU/1000':>10}{'slowed':>8}{'healthz':>9}{'PSS MB':>8}{'errors':>8}"
    )
    pace = Pace()
    with running_rig(replicas=given.replicas) as rig:
        for load in given.load or LOADS:
            found = measure(rig, pace, load, given)
            for way, one in found.items():
                added = one["ttft_median_ms"] - found["bare"]["ttft_median_ms"]
                print(
                    f"{load:9}{way:10}{one['ttft_median_ms']:9}{one['ttft_p99_ms']:8}{added:8.1f}"
                    f"{one['between_p99_ms']:13}{one['tokens_per_second']:10}"
                    f"{one['cpu_per_1000_tokens']:10}{one['core_slowed']:8}"
                    f"{one['healthz_p99_ms'] or '':>9}{one['pss_megabytes']:8}{one['errors']:8}"
                    f"  {one['first_error']}",
                    flush=True,
                )
            print(json.dumps({"bench": "chat_streams", "load": load, **found}), flush=True)


if __name__ == "__main__":
    main()
