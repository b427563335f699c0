"""Readers that stop reading, and readers that vanish: what they cost, and when they are dropped.

    python bench/chat_slow_readers.py stuck                     # five minutes
    python bench/chat_slow_readers.py stuck --readers 30 --stuck 3 --seconds 20
    python bench/chat_slow_readers.py half-open                 # as root, on Linux

Starts everything it needs. Readers are spread over the chat socket, server-sent events and the
OpenAI-compatible door.

stuck      for a while all read; then some don't touch their sockets, whose buffers are small, and
           whose answers are long. Others' pauses between tokens are compared within the run. Then
           the stuck ones read on, and have to get everything. Long answers take memory whoever
           reads them: so all of it is done again in a new chat process where nobody gets stuck,
           and what they cost is the difference
half-open  clients in a network of their own that loses whatever they send: no packet tells the
           server that they have gone. One of each door hears tokens, one waits for them
"""

import argparse
import asyncio
import contextlib
import ctypes
import itertools
import json
import math
import os
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from chat_reader import COMPLETED, DOORS, Crowd, Reader, begin, session, summary, wrong
from chat_rig import QUESTION, Rig, quantile, running_rig, watched_health

RATE: Final = 15
TOKENS: Final = 200
FAT_RATE: Final = 20
FAT_BYTES: Final = 500
RECEIVE_BUFFER_BYTES: Final = 4096
MEGABYTES_EACH: Final = 5.0
GROWTH: Final = 1.1
STUCK_DROPPED_SECONDS: Final = 15.0
HALF_OPEN_DROPPED_SECONDS: Final = 30.0
WARM_UP_SECONDS: Final = 5.0


async def stuck(rig: Rig, given: argparse.Namespace) -> dict[str, Any]:
    """Some readers stop reading for a while; then none does."""
    found = await _long_answers(rig, given, stops=_stop_reading)
    rig.chats[:] = [await asyncio.to_thread(rig.make_chat)]
    control = await _long_answers(rig, given, stops=_read_on)
    mistakes = found.mistakes + control.mistakes
    mistakes += not_dropped(found.during, STUCK_DROPPED_SECONDS)
    each = round((found.during.megabytes - control.during.megabytes) / given.stuck, 2)
    grown = found.p99_during_ms / found.p99_before_ms
    bars = {
        "others": math.isfinite(grown) and 0 < grown <= GROWTH,
        "memory": each <= MEGABYTES_EACH,
    }
    return {
        "others_p99_before_ms": found.p99_before_ms,
        "others_p99_during_ms": found.p99_during_ms,
        "megabytes_each": each,
        "megabytes": found.megabytes(),
        "megabytes_none_stuck": control.megabytes(),
        "healthz_p99_ms": round(quantile(found.during.healthz, 0.99), 1),
        "waited_share": round(max(found.before.waited_share, found.during.waited_share), 3),
        "dropped_after_s": found.during.dropped,
        **summary(mistakes, bars),
    }


@dataclass
class LongAnswers:
    """What was seen while some read long answers, and all others short ones."""

    p99_before_ms: float
    """Of the others' pauses between tokens."""
    p99_during_ms: float
    before: "Phase"
    during: "Phase"
    mistakes: list[str]

    def megabytes(self) -> tuple[float, float]:
        """At most, before and during."""
        return round(self.before.megabytes, 1), round(self.during.megabytes, 1)


async def _long_answers(
    rig: Rig, given: argparse.Namespace, *, stops: Callable[[Reader], None]
) -> LongAnswers:
    """`stops`: what those who read long answers do in the second phase."""
    seats = await asyncio.to_thread(rig.seats, given.readers)
    seconds = WARM_UP_SECONDS + 2 * given.seconds
    expected = rig.tell(delay_ms=50, rate=RATE, tokens=TOKENS)
    long = {"rate": FAT_RATE, "tokens": int(seconds + 10) * FAT_RATE, "token_bytes": FAT_BYTES}
    async with session() as connections, session(_small_socket) as small:
        doors = itertools.cycle(DOORS.values())
        slow = [next(doors)(small, rig, seat) for seat in seats[: given.stuck]]
        await asyncio.gather(*(begin(one, rig.chats[0], _scripted(long)) for one in slow))
        reading = [asyncio.create_task(one.read_on(lambda: rig.chats)) for one in slow]
        crowd = Crowd(connections, rig, expected, until=time.monotonic() + seconds)
        others = [
            asyncio.create_task(crowd.ask_over_and_over(next(doors), seat))
            for seat in seats[given.stuck :]
        ]
        await asyncio.sleep(WARM_UP_SECONDS)
        before = await _phase(rig, given.seconds, [])
        for one in slow:
            stops(one)
        during = await _phase(rig, given.seconds, slow)
        for one in slow:
            if one.transport is not None:
                one.transport.resume_reading()
        await asyncio.gather(*others, *reading)
    mistakes = crowd.mistakes + await asyncio.to_thread(
        wrong, rig, slow, rig.answer_of(**long), end=COMPLETED
    )
    return LongAnswers(p99_ms(crowd, before), p99_ms(crowd, during), before, during, mistakes)


@dataclass
class Phase:
    began: float
    ended: float
    megabytes: float
    """The most of proportional memory that all chat processes took."""
    dropped: list[float | None]
    """After how many seconds each connection had gone; None: it had not."""
    healthz: list[float]
    waited_share: float


async def _phase(rig: Rig, seconds: float, watched: list[Reader]) -> Phase:
    """Looks at memory and at the connections of some readers for a while."""
    ports = [one.port for one in watched]
    began, most = time.monotonic(), 0.0
    gone: dict[int, float] = {}
    waited = rig.waited_seconds()
    with watched_health(rig.chats[0]) as healthz:
        while (passed := time.monotonic() - began) < seconds:
            most = max(most, await asyncio.to_thread(rig.pss_megabytes))
            open_ports = await asyncio.to_thread(rig.client_ports, rig.chats[0])
            for port in ports:
                if port not in open_ports:
                    gone.setdefault(port, round(passed, 1))
            await asyncio.sleep(0.5)
    ended = time.monotonic()
    share = (rig.waited_seconds() - waited) / (ended - began)
    return Phase(began, ended, most, [gone.get(port) for port in ports], healthz, share)


def p99_ms(crowd: Crowd, phase: Phase) -> float:
    """Of all pauses that were in the phase, even if only in part."""
    pauses = (
        pause for at, pause in crowd.between if at >= phase.began and at - pause < phase.ended
    )
    return round(quantile(pauses, 0.99) * 1000, 2)


def not_dropped(phase: Phase, limit: float) -> list[str]:
    late = sum(seconds is None or seconds > limit for seconds in phase.dropped)
    return [f"not dropped in {limit:.0f} s"] * late


async def half_open(rig: Rig, given: argparse.Namespace) -> dict[str, Any]:
    """Clients vanish without a packet."""
    seats = await asyncio.to_thread(rig.seats, 2 * len(DOORS))
    questions = [QUESTION] * len(DOORS) + [_scripted({"stall_after": 1})] * len(DOORS)
    rig.tell(delay_ms=50, rate=RATE, tokens=int(given.seconds + 10) * RATE)
    with lossy_network() as network:
        async with session(network.socket) as connections:
            here = replace(rig.chats[0], host=network.server)
            watched = [
                door(connections, rig, seat)
                for door, seat in zip(2 * [*DOORS.values()], seats, strict=True)
            ]
            for one, question in zip(watched, questions, strict=True):
                await begin(one, here, question)
            reading = [asyncio.create_task(one.read()) for one in watched]
            await asyncio.sleep(1)
            network.lose()
            phase = await _phase(rig, given.seconds, watched)
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
            for one in watched:
                one.drop()
    late = not_dropped(phase, HALF_OPEN_DROPPED_SECONDS)
    return {"dropped_after_s": phase.dropped, **summary(late)}


@dataclass
class Network:
    """Where clients live whose packets can be lost."""

    name: str
    server: str
    """The address of this machine there."""

    def socket(self, _address: object) -> socket.socket:
        """A socket belongs to the network of the thread that makes it."""
        with (
            Path("/proc/thread-self/ns/net").open("rb") as here,
            Path("/run/netns", self.name).open("rb") as there,
        ):
            _enter(there.fileno())
            try:
                made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            finally:
                _enter(here.fileno())
        made.setblocking(False)  # noqa: FBT003 - its only parameter
        return made

    def lose(self) -> None:
        """From now on nothing comes back, not even that something was received."""
        _ip(f"-n {self.name} route add blackhole {self.server}/32")


@contextlib.contextmanager
def lossy_network() -> Iterator[Network]:
    network = Network(f"bench-{os.getpid()}", "10.231.77.1")
    outside = f"bench{os.getpid() % 100_000}"
    _ip(f"netns add {network.name}")
    try:
        _ip(f"link add {outside} type veth peer name eth0 netns {network.name}")
        _ip(f"addr add {network.server}/30 dev {outside}")
        _ip(f"link set {outside} up")
        _ip(f"-n {network.name} addr add 10.231.77.2/30 dev eth0")
        _ip(f"-n {network.name} link set eth0 up")
        yield network
    finally:
        _ip(f"netns delete {network.name}")


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


def _enter(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


_CLONE_NEWNET: Final = 0x40000000


def _small_socket(_address: object) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    made.setblocking(False)  # noqa: FBT003 - its only parameter
    return made


def _stop_reading(reader: Reader) -> None:
    if reader.transport is not None:
        reader.transport.pause_reading()


def _read_on(_reader: Reader) -> None:
    pass


def _scripted(script: dict[str, Any]) -> str:
    return f"{QUESTION} [[script {json.dumps(script)}]]"


SCENES: Final[
    dict[str, Callable[[Rig, argparse.Namespace], Coroutine[Any, Any, dict[str, Any]]]]
] = {"stuck": stuck, "half-open": half_open}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scenes", nargs="+", choices=list(SCENES))
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--stuck", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60, help="of each phase")
    given = parser.parse_args()
    with running_rig(host="0.0.0.0") as rig:  # noqa: S104 - clients have a network of their own
        for name in given.scenes:
            found = asyncio.run(SCENES[name](rig, given))
            print(f"{name:10}" + "  ".join(f"{key}={value}" for key, value in found.items()))
            print(json.dumps({"bench": "chat_slow_readers", "scene": name, **found}), flush=True)


if __name__ == "__main__":
    main()
