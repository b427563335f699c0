"""One question, one stream of events.

A runner writes one turn that this process has claimed. It belongs to no connection: whoever asked
may have gone. It ends with the answer stored and one terminal event; or, where the turn has become
another process's, without a word.
"""

import asyncio
import logging
import time
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from redis.asyncio import Redis

from chat_service import metrics, tracing
from chat_service.admission import Admission, Waiter
from chat_service.asides import Asides
from chat_service.database import in_database
from chat_service.endpoints import Directory, Endpoint, Serving
from chat_service.given import has_answers, prompt_of, question_of, with_options
from chat_service.passages import Retriever
from chat_service.prompts import Prompt, Question, nothing_found
from chat_service.redis_clients import RedisGate
from chat_service.rewriting import standing_alone
from chat_service.spent import Spent
from chat_service.standing import Standing, standing_of
from chat_service.stream_log import TurnLog
from chat_service.titles import Titles
from chat_service.token_estimate import estimate_tokens
from chat_service.tries import Tries
from chatbot.contracts.errors import AppError, Unavailable
from chatbot.contracts.events import NOTHING_FOUND
from chatbot.conversations.models import TurnState
from chatbot.conversations.selectors import is_grounded
from chatbot.conversations.services.answers import Checkpoint, Outcome, finalise
from chatbot.conversations.services.claims import CONTINUE_WAY_OUT, Claim
from chatbot.inference.connectors.errors import InferenceError, PromptTooLong
from chatbot.inference.connectors.protocol import (
    ChatRequest,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from chatbot.contracts.events import Source

logger = logging.getLogger(__name__)

MIN_ANSWER_TOKENS: Final = 64
"""Room for an answer that a prompt has to leave in the context."""
GROUNDED_TEMPERATURE: Final = 0.2
STORE_SECONDS: Final = 600.0
"""How long a finished answer waits for the database."""
STORE_RETRY_SECONDS: Final = (0.1, 2.0)
_STATE_OF: Final = {
    "turn.completed": TurnState.COMPLETED,
    "turn.failed": TurnState.FAILED,
    "turn.stopped": TurnState.STOPPED,
}
_REASON_OF: Final = {"turn.completed": "stop", "turn.failed": "error", "turn.stopped": "stopped"}


class LostTurn(Exception):
    """The turn isn't this process's any more."""


@dataclass(frozen=True, slots=True)
class Means:
    """What runners of a process share."""

    admission: Admission
    directory: Directory
    retriever: Retriever
    titles: Titles
    redis: Redis
    gate: RedisGate


class TurnRunner:
    """Writes the answer of one claimed turn."""

    def __init__(self, claim: Claim, log: TurnLog, means: Means) -> None:
        self.claim = claim
        self.log = log
        self.stop = asyncio.Event()
        self.is_given_up = False
        self.is_storing = False
        self._means = means
        self._standing = Standing(0, "", None)
        self._spent = Spent(claim)
        self._ttft_ms: int | None = None
        self._model_name = ""
        self._found: Sequence[Source] | None = None
        self._searched = ""
        self._sources: tuple[Source, ...] | None = None
        self._asides = Asides()
        self._saved_seq = claim.seq

    def give_up(self) -> None:
        """Ends writing and stores nothing: the turn is another process's, or nobody's."""
        self.is_given_up = True
        self.stop.set()
        self.log.stored.set()

    def checkpoint(self) -> Checkpoint | None:
        """What stands now; None: nothing new since the last time."""
        self.log.seal()
        if self.log.seq <= self._saved_seq or self.is_storing:
            return None
        self._saved_seq = self.log.seq
        return Checkpoint(self.claim.turn_id, self.claim.fence, self.log.seq, self.log.text)

    async def run(self) -> None:
        """Writes the answer to its end.

        Raises:
            LostTurn: the turn isn't this process's any more.
        """
        try:
            ending = await self._answer()
        except AppError as error:
            logger.warning("turn %s failed: %s: %s", self.claim.turn_id, error.error_code, error)
            ending = self._failed(error)
        except Exception:
            logger.exception("turn %s failed", self.claim.turn_id)
            ending = self._failed(AppError("Something went wrong.", way_out="Try again."))
        await self.log.stored.wait()
        if self.is_given_up:
            raise LostTurn
        await self._end(ending)

    async def _answer(self) -> dict[str, object]:
        """Writes the answer; returns the terminal event."""
        claim = self.claim
        self._standing = await standing_of(claim, redis=self._means.redis, gate=self._means.gate)
        self._spent.stands(self._standing.text)
        if claim.epoch:
            self.log.begin_with(self._standing.text, epoch=claim.epoch)
        if claim.stop_requested:
            self.stop.set()
        serving = await self._means.directory.serving(claim.model_id)
        tries = Tries(serving.endpoints, self._means.directory)
        while True:
            try:
                return await self._try(serving, tries)
            except InferenceError as error:
                await tries.go_on(error, has_begun=self._has_begun(), stop=self.stop)
                self._stand()

    async def _try(self, serving: Serving, tries: Tries) -> dict[str, object]:
        """Waits for a place, and writes there; an InferenceError has been told to `tries`."""
        waiter = Waiter(self.claim.turn_id, self.claim.user_id, self._tell_position)
        gauges = [endpoint.gauge for endpoint in tries.endpoints]
        async with self._means.admission.place(gauges, waiter, stop=self.stop) as gauge:
            if gauge is None or self.stop.is_set():
                return {"type": "turn.stopped"}
            endpoint = tries.begin(gauge.id)
            try:
                return await self._write(serving, endpoint)
            except InferenceError as error:
                tries.failed(endpoint, error)
                metrics.upstream_failed(model=serving.name, endpoint_id=gauge.id, error=error)
                raise

    def _stand(self) -> None:
        """What was shown stands: whoever is asked next continues it."""
        if self._has_begun():
            self.log.seal()
            self._standing.text = self.log.text
            self._spent.broke_off(self.log.text, self._asides)
            self.log.begin_with(self._standing.text, epoch=self.claim.epoch)

    async def _write(self, serving: Serving, endpoint: Endpoint) -> dict[str, object]:
        """Tries one endpoint; a prompt that it finds too long is halved once."""
        if self._standing.text and not (await endpoint.connector.capabilities()).continues:
            self._standing.text = ""
            self._spent.begins_anew(self._asides)
            self.log.begin_with("", epoch=self.claim.epoch)
        self._tell_started(serving)
        question = await self._question(endpoint)
        if self.stop.is_set():
            return {"type": "turn.stopped"}
        if await self._has_no_ground(question):
            return self._nothing_found()
        budget = self._budget_tokens(serving)
        try:
            return await self._stream(serving, endpoint, self._prompt(question, budget))
        except PromptTooLong:
            if self._has_begun() or (question.passages is None and self.claim.request):
                raise
        return await self._stream(serving, endpoint, self._prompt(question, budget // 2))

    async def _question(self, endpoint: Endpoint) -> Question:
        """The question with what was found for it; searched for once."""
        claim = self.claim
        if self._found is None and claim.brain_id is not None:
            self._found, self._searched = self._standing.sources, self._standing.searched
            if self._found is None:
                self._found = await self._search(claim.brain_id, endpoint)
        question = question_of(claim, self._found)
        return replace(question, searched=self._searched) if self._searched else question

    async def _search(self, brain_id: "UUID", endpoint: Endpoint) -> "Sequence[Source] | None":
        """What the brain says; None: stopped before."""
        claim = self.claim
        if claim.rewrites_questions and not self._searched:
            await self._rewrite(endpoint)
            if self.stop.is_set():
                return None
        with tracing.span("retrieval", brain=brain_id):
            return await self._means.retriever.passages(
                user_id=claim.user_id,
                brain_id=brain_id,
                question=self._searched or claim.question,
                typed=claim.question if self._searched else "",
            )

    async def _rewrite(self, endpoint: Endpoint) -> None:
        """Finds out what is to be searched for, where that is not the question as it stands."""
        asked, said = self.claim.question, question_of(self.claim, ()).history
        with tracing.span("rewriting", calls_out=True, endpoint=endpoint.gauge.id):
            rewritten = await standing_alone(asked, said, endpoint, stop=self.stop)
        self._searched = rewritten if rewritten != asked else ""

    async def _has_no_ground(self, question: Question) -> bool:
        """Whether a model could only make an answer up: nothing was found, now or earlier on."""
        if question.passages is None or question.passages or has_answers(self.claim.request):
            return False
        return not await in_database(is_grounded, after_id=self.claim.parent_id)

    def _nothing_found(self) -> dict[str, object]:
        """Says so without the model; returns the terminal event."""
        self._show_sources(())
        said = nothing_found(self.claim.question)
        self._show(said.removeprefix(self._standing.text))
        return {"type": "turn.completed", "finish_reason": NOTHING_FOUND}

    def _budget_tokens(self, serving: Serving) -> int:
        standing = estimate_tokens(self._standing.text)
        room = serving.context_tokens - standing - MIN_ANSWER_TOKENS
        return min(serving.prompt_tokens, room)

    def _prompt(self, question: Question, budget: int) -> Prompt:
        prompt = prompt_of(self.claim, question, budget_tokens=budget)
        if question.passages is not None:
            self._show_sources(prompt.sources)
        return prompt

    def _show_sources(self, sources: "tuple[Source, ...]") -> None:
        if sources != self._sources:
            self._sources = sources
            searched = {"searched": self._searched} if self._searched else {}
            self.log.add({"type": "sources", "sources": sources, **searched})

    async def _stream(
        self, serving: Serving, endpoint: Endpoint, prompt: Prompt
    ) -> dict[str, object]:
        """Shows the answer as it comes; returns the terminal event."""
        standing = self._standing.text
        room = serving.context_tokens - prompt.estimated_tokens - estimate_tokens(standing)
        request = ChatRequest(
            model=endpoint.upstream_model,
            messages=prompt.messages,
            # What is to be quoted, isn't to be invented.
            temperature=None if prompt.is_plain else GROUNDED_TEMPERATURE,
            max_tokens=max(MIN_ANSWER_TOKENS, min(serving.output_tokens, room)),
            continue_text=standing or None,
            conversation_key=str(self.claim.conversation_id),
        )
        with tracing.span("upstream", calls_out=True, endpoint=endpoint.gauge.id):
            return await self._read(endpoint, request)

    async def _read(self, endpoint: Endpoint, request: ChatRequest) -> dict[str, object]:
        """Shows what the endpoint says; returns the terminal event."""
        ending: dict[str, object] = {"type": "turn.stopped"}
        request = with_options(request, self.claim.request)
        async with aclosing(endpoint.connector.stream(request, stop=self.stop)) as items:
            async for item in items:
                if isinstance(item, TextDelta):
                    self._show(item.text, pieces=item.pieces)
                elif isinstance(item, ReasoningDelta | ToolCallDelta):
                    self._asides.tell(item, self.log)
                elif isinstance(item, UsageReport):
                    self._spent.told = item
                elif isinstance(item, Finished):
                    ending = {"type": "turn.completed", "finish_reason": item.reason}
        if ending["type"] == "turn.completed":
            self._means.directory.worked(endpoint)
        return ending

    def _show(self, text: str, *, pieces: int = 1) -> None:
        if self._ttft_ms is None and not self._standing.text:
            self._ttft_ms = self._milliseconds()
            tracing.event("first token")
        self.log.add_text(text, pieces=pieces)

    def _has_begun(self) -> bool:
        """Whether this runner has shown any of the answer."""
        return self.log.has_tokens or bool(self._asides)

    def _tell_position(self, position: int, seconds: float | None) -> None:
        self.log.add(
            {"type": "turn.queued", "position": position, "estimated_wait_seconds": seconds}
        )

    def _tell_started(self, serving: Serving) -> None:
        if self._model_name:
            return
        self._model_name = serving.name
        claim = self.claim
        started = {
            "conversation": str(claim.conversation_id),
            "question": str(claim.question_id),
            "answer": str(claim.answer_id),
            "model": serving.name,
        }
        self.log.add({"type": "turn.started", **started})

    def _failed(self, error: AppError) -> dict[str, object]:
        """The terminal event of an error; whatever was written can be gone on with."""
        has_text = bool(self.log.text) and not isinstance(error, PromptTooLong)
        return {
            "type": "turn.failed",
            "code": error.error_code,
            "sentence": error.sentence,
            "way_out": CONTINUE_WAY_OUT if has_text else error.way_out,
        }

    def _milliseconds(self) -> int:
        """Since the question was asked."""
        return max(0, round((time.time() - self.claim.asked_at.timestamp()) * 1000))

    async def _end(self, ending: dict[str, object]) -> None:
        """Stores the answer, then tells the end."""
        self.is_storing = True
        self.log.seal()
        metrics.token_gaps.add(*self.log.pace())
        spent, spent_now = self._spent.in_all(), self._spent.by_run()
        usage = asdict(spent) if spent else {}
        if usage:
            self.log.add({"type": "usage", **usage})
        self.log.seal()
        duration_ms = self._milliseconds()
        if ending["type"] == "turn.completed":
            ending |= {"ttft_ms": self._ttft_ms, "duration_ms": duration_ms}
        outcome = Outcome(
            state=_STATE_OF[str(ending["type"])],
            seq=self.log.seq + 1,
            text=self.log.text,
            sources=self._sources,
            model_name=self._model_name,
            reasoning=self._asides.reasoning,
            tool_calls=self._asides.tool_calls,
            finish_reason=str(ending.get("finish_reason", _REASON_OF[str(ending["type"])])),
            ttft_ms=self._ttft_ms,
            duration_ms=duration_ms,
            error_code=str(ending.get("code", "")),
            error_sentence=str(ending.get("sentence", "")),
            error_way_out=str(ending.get("way_out", "")),
            written_tokens=spent_now.completion_tokens if spent_now else None,
            **usage,
        )
        tracing.tell(model=outcome.model_name, outcome=outcome.state, error=outcome.error_code)
        with tracing.span("finalise"):
            is_stored = await self._store(outcome)
        if not is_stored:
            raise LostTurn
        self.log.add(ending)
        metrics.answer_ended(outcome, spent_now)
        self._means.titles.answered(self.claim, outcome)

    async def _store(self, outcome: Outcome) -> bool:
        """Writes into the database, however long that is away; false: not the owner any more."""
        claim, (pause, longest) = self.claim, STORE_RETRY_SECONDS
        give_up_at = time.monotonic() + STORE_SECONDS
        while True:
            try:
                return await in_database(
                    finalise, turn_id=claim.turn_id, fence=claim.fence, outcome=outcome
                )
            except Unavailable:
                if time.monotonic() > give_up_at:
                    raise LostTurn from None
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
