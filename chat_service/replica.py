"""This chat process: the turns it writes, and the loops that keep them its own.

Each second, in this order: leases are renewed in one statement, texts are saved in one statement
(every other second), and turns that nobody writes are looked for. A process that could not renew
looks for nothing: it might take its own turns for orphans.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

from chat_service import metrics, tracing
from chat_service.admission import Admission
from chat_service.asking import ask_counted, continue_counted, regenerate_counted
from chat_service.database import about_leases, in_database
from chat_service.endpoint_states import EndpointStates
from chat_service.endpoint_watch import EndpointWatch
from chat_service.endpoints import Directory
from chat_service.loop_watch import LoopWatch
from chat_service.news import News
from chat_service.passages import Retriever
from chat_service.patience import Patience
from chat_service.redis_clients import RedisGate, blocking_client, command_client
from chat_service.redis_log import LogWriter
from chat_service.sign_ins import SignIns
from chat_service.stream_log import TurnLog
from chat_service.stream_reader import StreamReader
from chat_service.titles import Titles
from chat_service.turns import LostTurn, Means, TurnRunner
from chat_service.upstream_sessions import RedisSessions
from chatbot.accounts.models import User
from chatbot.contracts.errors import AppError, Unavailable
from chatbot.contracts.events import EPOCH_STRIDE
from chatbot.conversations.services.answers import save_checkpoints
from chatbot.conversations.services.asking import Parent, Place
from chatbot.conversations.services.claims import (
    Claim,
    claim_turns,
    release_leases,
    renew_leases,
)
from chatbot.conversations.services.turns import Asked, Claimer
from chatbot.inference.connectors.transport import close_client
from chatbot.log_lines import log_as

T = TypeVar("T")
logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
TICKS_PER_CHECKPOINT: Final = 2
MAX_RUNNING: Final = 600
"""Turns that this process writes or that wait in it; others are left to other processes."""
KEEP_SECONDS: Final = 30.0
"""How long the log of an ended turn stays in memory if Redis doesn't take it."""
DRAIN_SECONDS: Final = 2.0


class Replica:
    """Made once per process, when its event loop runs."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.draining = asyncio.Event()
        self.gate = RedisGate()
        self.commands = command_client()
        self._blocking = blocking_client()
        self._writer = LogWriter(self.commands, logs=lambda: len(self._runners))
        self._logs: dict[UUID, TurnLog] = {}
        self._ended: dict[TurnLog, float] = {}
        """Logs of turns that have ended, and until when they are kept at most."""
        self._runners: dict[UUID, TurnRunner] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._running: set[asyncio.Task[None]] = set()
        self.reader = StreamReader(
            process=self.name,
            own_logs=self._logs,
            commands=self.commands,
            blocking=self._blocking,
            gate=self.gate,
        )
        self.news = News(
            self._blocking, on_nudge=self._nudged, commands=self.commands, gate=self.gate
        )
        self.sign_ins = SignIns()
        self.patience = Patience()
        self.loop_watch = LoopWatch()
        self._kept_at = time.monotonic()
        self._admission = Admission(self.commands, self.gate)
        # What goes on beside the questions doesn't decide that these do without Redis.
        gate = RedisGate()
        states = EndpointStates(
            self.name, redis=self.commands, gate=gate, held=self._admission.places
        )
        directory = Directory(states, RedisSessions(self.commands, self.gate))
        self._watch = EndpointWatch(
            self.name, directory=directory, states=states, redis=self.commands, gate=gate
        )
        self._means = Means(
            admission=self._admission,
            directory=directory,
            retriever=Retriever(directory, self.commands, self.gate),
            titles=Titles(
                admission=self._admission, directory=directory, news=self.news, spawn=self._spawn
            ),
            redis=self.commands,
            gate=self.gate,
        )

    def start(self) -> None:
        """Begins everything that goes on for as long as the process."""
        for loop in (
            self._writer.run,
            self.reader.run,
            self.news.run,
            self.sign_ins.run,
            self.patience.run,
            self._admission.run,
            self.loop_watch.run,
            self._watch.run,
            self._keep,
        ):
            self._spawn(_for_ever(loop))

    # --- what people ask for ---

    async def ask(
        self,
        *,
        user: User,
        conversation_id: UUID,
        text: str,
        client_id: str,
        parent_id: Parent = Place.END,
    ) -> Asked:
        """Stores the question and begins to answer it here, if there is room."""
        asking = self.begin(
            lambda claimer: ask_counted(
                user=user,
                conversation_id=conversation_id,
                text=text,
                client_id=client_id,
                parent_id=parent_id,
                claimer=claimer,
            ),
            user_id=user.pk,
        )
        # A socket that closes ends what it does; the question has been asked.
        return await asyncio.shield(self._spawn(asking))

    async def begin(self, ask: Callable[[Claimer | None], T], *, user_id: UUID | None) -> T:
        """Runs in a thread what stores a question, and begins to answer it here meanwhile.

        Where there is no room, `ask` gets no claimer. `user_id`: who asks, where that is known.
        """
        has_room = len(self._runners) < MAX_RUNNING and not self.draining.is_set()
        early = _EarlyStart(partial(self._take, is_stored=False))
        claimer = Claimer(self.name, early.begin) if has_room else None
        if claimer and user_id and (gauge := self._means.directory.lone_gauge):
            self._admission.enter_early(gauge, turn_id=claimer.turn_id, user_id=user_id)
        try:
            with tracing.span("ask"):
                asked = await in_database(ask, claimer)
        except BaseException:
            early.undo()
            raise
        finally:
            if claimer and not early.has_begun:
                self._spawn(self._admission.leave_early(claimer.turn_id))
        early.confirm()
        return asked

    async def go_on(self, *, user: User, turn_id: UUID) -> Asked:
        """Continues an answer here."""
        with tracing.span("continue", turn=turn_id):
            asked = await in_database(continue_counted, user=user, turn_id=turn_id)
            await self._claim(turn_id)
        return asked

    async def regenerate(self, *, user: User, turn_id: UUID) -> Asked:
        """Another answer to the turn's question, here."""
        with tracing.span("regenerate", turn=turn_id):
            asked = await in_database(regenerate_counted, user=user, turn_id=turn_id)
            await self._claim(asked.turn_id)
        return asked

    def start_for(self, user_id: UUID, turn_id: UUID, *, after: int) -> int | None:
        """Where somebody begins to read a turn of theirs that is written here; None: it isn't."""
        if not self.writes_for(user_id, turn_id):
            return None
        return max(after, self._runners[turn_id].claim.epoch * EPOCH_STRIDE)

    def writes_for(self, user_id: UUID, turn_id: UUID) -> bool:
        """Whether the turn is the person's and is written here: no need to ask the database."""
        runner = self._runners.get(turn_id)
        return runner is not None and runner.claim.user_id == user_id

    def stop(self, turn_id: UUID) -> None:
        """Stops the answer if it is written here. The caller has checked the permission."""
        if turn_id in self._runners:
            self._runners[turn_id].stop.set()

    # --- how things are ---

    @property
    def active_streams(self) -> int:
        """Turns that are written here, or wait here for a place."""
        return len(self._runners)

    @property
    def seconds_since_kept(self) -> float:
        """Since leases were last looked after, with or without success."""
        return time.monotonic() - self._kept_at

    def places(self) -> Mapping[UUID, tuple[int, int]]:
        """Running and waiting turns of this process at each endpoint."""
        return self._admission.places()

    # --- turns ---

    def _take(self, claim: Claim, *, is_stored: bool = True) -> TurnRunner:
        """Begins to write a claimed turn; shows nothing of one that is not stored yet."""
        if claim.turn_id in self._runners:
            self._runners[claim.turn_id].give_up()
        log = TurnLog(
            claim.turn_id,
            fence=claim.fence,
            epoch=claim.epoch,
            wrote=self._writer.wrote,
            is_stored=is_stored,
        )
        if claim.is_orphan:
            metrics.take_overs.inc()
        runner = TurnRunner(claim, log, self._means)
        self._runners[claim.turn_id] = runner
        self._logs[claim.turn_id] = log
        self.reader.look_again(claim.turn_id)
        task = asyncio.create_task(self._run(runner))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return runner

    async def _run(self, runner: TurnRunner) -> None:
        turn_id, log = runner.claim.turn_id, runner.log
        log_as(turn=turn_id, user=runner.claim.user_id)
        try:
            with tracing.span("turn", turn=turn_id, epoch=runner.claim.epoch):
                await runner.run()
        except LostTurn:
            log.abandon()
        except Exception:
            # Nobody renews the lease any more: the turn is found as an orphan.
            logger.exception("turn %s could not be ended", turn_id)
            log.abandon()
        finally:
            if self._runners.get(turn_id) is runner:
                del self._runners[turn_id]
            await self._admission.leave_early(turn_id)
        if log.is_abandoned:
            # It isn't read here.
            self._drop(log)
        self._ended[log] = time.monotonic() + KEEP_SECONDS
        # Readers that were woken a moment ago find it in memory.
        log.when_whole(partial(asyncio.get_running_loop().call_soon, self._let_go, log))

    def _let_go(self, log: TurnLog) -> None:
        """Redis has the log, or doesn't take it."""
        self._ended.pop(log, None)
        self._writer.forget(log)
        self._drop(log)
        log.abandon()

    def _let_go_of_late(self) -> None:
        now = time.monotonic()
        for log in [log for log, keep_until in self._ended.items() if now > keep_until]:
            self._let_go(log)

    def _drop(self, log: TurnLog) -> None:
        if self._logs.get(log.turn_id) is log:
            del self._logs[log.turn_id]

    def _nudged(self, nudge: Mapping[str, str]) -> None:
        if turn_id := nudge.get("stop"):
            self.stop(UUID(turn_id))
        elif (turn_id := nudge.get("queued")) and not self.draining.is_set():
            self._spawn(self._claim(UUID(turn_id)))

    async def _claim(self, turn_id: UUID | None = None) -> None:
        """Claims one turn, or as many as there is room for."""
        room = MAX_RUNNING - len(self._runners)
        if room <= 0 or self.draining.is_set() or turn_id in self._runners:
            return
        with contextlib.suppress(Unavailable):
            claims = await in_database(
                claim_turns,
                owner=self.name,
                limit=min(room, 50),
                turn_id=turn_id,
                written=() if turn_id else tuple(self._runners),
            )
            for claim in claims:
                self._take(claim)

    # --- leases ---

    async def _keep(self) -> None:
        for tick in itertools.count():
            with contextlib.suppress(Unavailable):
                await self._renew()
                if tick % TICKS_PER_CHECKPOINT == 0:
                    await self._save()
                await self._claim()
            self._kept_at = time.monotonic()
            self._let_go_of_late()
            for log in self._logs.values():
                metrics.token_gaps.add(*log.pace())
            await asyncio.sleep(TICK_SECONDS)

    async def _renew(self) -> None:
        runners = {
            turn_id: runner
            for turn_id, runner in self._runners.items()
            if runner.log.stored.is_set()
        }
        if not runners:
            return
        fences = {turn_id: runner.claim.fence for turn_id, runner in runners.items()}
        renewed = await about_leases(renew_leases, fences=fences)
        for turn_id, runner in runners.items():
            if renewed.get(turn_id):
                runner.stop.set()
            elif turn_id not in renewed and not runner.is_storing:
                runner.give_up()

    async def _save(self) -> None:
        checkpoints = [
            checkpoint
            for runner in self._runners.values()
            if (checkpoint := runner.checkpoint()) is not None
        ]
        if checkpoints:
            await about_leases(save_checkpoints, checkpoints)

    # --- the end ---

    def drain(self) -> None:
        """From now on nothing is begun, and open event streams end."""
        self.draining.set()
        self.patience.drain()

    async def close(self) -> None:
        """Hands running turns to whoever comes next, and ends everything."""
        self.drain()
        given_up = [runner for runner in self._runners.values() if not runner.is_storing]
        for runner in given_up:
            runner.give_up()
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_SECONDS)
        await self._writer.flush(DRAIN_SECONDS)
        with contextlib.suppress(Unavailable):
            await self._release(given_up)
        for task in (*self._tasks, *self._running):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._running, return_exceptions=True)
        await close_client()
        await self.commands.aclose()
        await self._blocking.aclose()

    async def _release(self, runners: list[TurnRunner]) -> None:
        checkpoints = [one for runner in runners if (one := runner.checkpoint()) is not None]
        if checkpoints:
            await about_leases(save_checkpoints, checkpoints)
        if runners:
            fences = {runner.claim.turn_id: runner.claim.fence for runner in runners}
            await about_leases(release_leases, fences=fences)

    def _spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, AppError):
            logger.error("a task failed", exc_info=error)


class _EarlyStart:
    """An answer that is begun while its question is being stored."""

    def __init__(self, take: Callable[[Claim], TurnRunner]) -> None:
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._runner: TurnRunner | None = None
        self._is_undone = False

    def begin(self, claim: Claim) -> None:
        """Called in the database's thread, before the question is stored."""
        self._loop.call_soon_threadsafe(self._begin, claim)
        # Hands the interpreter over: the model is asked before this thread goes on.
        time.sleep(0)

    @property
    def has_begun(self) -> bool:
        return self._runner is not None

    def confirm(self) -> None:
        """The question is stored."""
        if self._runner is not None:
            self._runner.log.confirm_stored()

    def undo(self) -> None:
        """The question was not stored, or nobody knows; then it is found as an orphan."""
        self._is_undone = True
        if self._runner is not None:
            self._runner.give_up()

    def _begin(self, claim: Claim) -> None:
        if not self._is_undone:
            self._runner = self._take(claim)


async def _for_ever(loop: Callable[[], Coroutine[None, None, None]]) -> None:
    """Begins the loop again when something unforeseen ended it."""
    while True:
        try:
            await loop()
        except Exception:
            logger.exception("%s is begun again", loop.__qualname__)
        await asyncio.sleep(TICK_SECONDS)
