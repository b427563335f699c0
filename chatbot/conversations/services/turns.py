"""Asking, going on, stopping: what people do with turns."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from chatbot import jobs
from chatbot.contracts.errors import Conflict, InvalidInput
from chatbot.conversations.models import UNFINISHED_TURN_STATES, Message, Turn, TurnState
from chatbot.conversations.selectors import no_such_turn
from chatbot.conversations.services.asking import (
    AskedBefore,
    Facts,
    NewTurn,
    Parent,
    Place,
    Question,
    check_may_ask,
    lock_and_read,
    store,
)
from chatbot.conversations.services.claims import Claim
from chatbot.short_transactions import ShortTransaction, short_transaction

if TYPE_CHECKING:
    from chatbot.accounts.models import User

QUESTION_CHARACTERS = 32_000
CLIENT_ID_CHARACTERS = 64
TITLE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """A stored question. `created` is false if it had been asked before."""

    turn_id: UUID
    question_id: UUID
    answer_id: UUID
    conversation_id: UUID
    created: bool

    @classmethod
    def of(cls, turn: Turn, *, created: bool) -> Self:
        return cls(
            turn_id=turn.pk,
            question_id=turn.question_id,
            answer_id=turn.answer_id,
            conversation_id=turn.conversation_id,
            created=created,
        )


@dataclass(frozen=True, slots=True)
class Claimer:
    """A chat process that answers the question it was asked."""

    name: str
    begin: Callable[[Claim], None]
    turn_id: UUID = field(default_factory=uuid4)
    """The question's turn gets this id."""


def ask(
    *,
    user: "User",
    conversation_id: UUID,
    text: str,
    client_id: str | None = None,
    parent_id: Parent = Place.END,
    claimer: Claimer | None = None,
) -> Asked:
    """Stores the question, an empty answer and a turn: the claimer's at once, or queued.

    It stands behind what is shown, or behind `parent_id`: so a question is changed by asking again
    behind the same message. With a `client_id` asking is idempotent: the same id and text give the
    same turn.

    Raises:
        NotFound: no such conversation, or somebody else's; or the parent isn't in it.
        NotAllowed: the user is no longer a member of the conversation's brain.
        Conflict: the client id was used for another text.
        InvalidInput: the text or the client id is empty or too long, or the parent is a question.
        LimitReached: too many questions wait.
    """
    question = _checked(Question(text, client_id))
    with short_transaction() as own:
        facts = lock_and_read(own, user, conversation_id, question.client_id, parent_id)
        return store_question(own, user, facts, question, claimer)


def store_question(
    own: ShortTransaction,
    user: "User",
    facts: Facts,
    question: Question,
    claimer: Claimer | None,
) -> Asked:
    """`ask` in a conversation that is locked.

    The claimer is told before the question is stored, so that it can ask the model meanwhile; it
    may show nothing before the transaction ends. It is told nothing if the question had been asked
    before.
    """
    if facts.asked_before is not None:
        return _asked_again(facts, facts.asked_before, question)
    check_may_ask(user, facts)
    turn_id = claimer.turn_id if claimer else uuid4()
    new = NewTurn(turn_id=turn_id, question_id=uuid4(), answer_id=uuid4())
    if claimer is not None:
        claimer.begin(_first_claim(user, facts, new, question))
    store(
        own,
        facts,
        new,
        question,
        title=facts.title or title_of(question.text),
        owner=claimer.name if claimer else "",
    )
    if claimer is None:
        jobs.nudge_chat_service({"queued": str(new.turn_id)})
    return _asked(facts, new, created=True)


@transaction.atomic
def continue_turn(*, user: "User", turn_id: UUID) -> Asked:
    """Queues an answer that failed, was stopped or was cut off; its text stands.

    Does nothing if the answer is already being written.

    Raises:
        NotFound: no such turn, or somebody else's.
        NotAllowed: the user is no longer a member of the conversation's brain.
        Conflict: the answer is complete.
        LimitReached: too many questions wait.
    """
    turn = (
        Turn.objects.select_for_update(of=("self",))
        .select_related("answer")
        .filter(pk=turn_id, conversation__user=user)
        .first()
    )
    if turn is None:
        raise no_such_turn()
    if turn.state in UNFINISHED_TURN_STATES:
        return Asked.of(turn, created=False)
    if turn.state == TurnState.COMPLETED and turn.answer.finish_reason != "length":
        raise Conflict(
            "The answer is complete.", code="answer-complete", way_out="Ask another question."
        )
    facts = lock_and_read(ShortTransaction(), user, turn.conversation_id)
    check_may_ask(user, facts)
    Turn.objects.filter(pk=turn.pk).update(
        state=TurnState.QUEUED,
        epoch=F("epoch") + 1,
        attempts=0,
        api_key_id=facts.key_id,
        stop_requested=False,
        started_at=None,
        finished_at=None,
        error_code="",
        error_sentence="",
        error_way_out="",
    )
    Message.objects.filter(pk=turn.answer_id).update(finish_reason="")
    jobs.nudge_chat_service({"queued": str(turn.pk)})
    return Asked.of(turn, created=True)


@transaction.atomic
def request_stop(*, user: "User", turn_id: UUID) -> None:
    """Ends the answer as soon as its writer hears of it; what was written is kept.

    A turn that nobody has begun ends at once; one that has ended stays as it is.

    Raises:
        NotFound: no such turn, or somebody else's.
    """
    turn = (
        Turn.objects.select_for_update(of=("self",))
        .filter(pk=turn_id, conversation__user=user)
        .first()
    )
    if turn is None:
        raise no_such_turn()
    if turn.state == TurnState.QUEUED:
        Turn.objects.filter(pk=turn.pk).update(
            state=TurnState.STOPPED, stop_requested=True, finished_at=Now()
        )
        Message.objects.filter(pk=turn.answer_id).update(finish_reason="stopped")
    elif turn.state == TurnState.RUNNING:
        Turn.objects.filter(pk=turn.pk).update(stop_requested=True)
    jobs.nudge_chat_service({"stop": str(turn.pk)})


def title_of(text: str) -> str:
    """A conversation's title from its first question: the beginning, cut at a word."""
    words = " ".join(text.split())
    if len(words) <= TITLE_CHARACTERS:
        return words
    cut = words[:TITLE_CHARACTERS]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut else cut}…"


def _checked(question: Question) -> Question:
    """The question without surrounding space and NULs, which PostgreSQL can't store."""
    text = question.text.replace("\0", "").strip()
    if not text:
        raise InvalidInput("The question is empty.", fields={"text": ["May not be empty."]})
    if len(text) > QUESTION_CHARACTERS:
        raise InvalidInput(
            "The question is too long.",
            code="question-too-long",
            way_out=f"Use at most {QUESTION_CHARACTERS} characters, or upload it as a document.",
            fields={"text": [f"At most {QUESTION_CHARACTERS} characters."]},
        )
    client_id = question.client_id or None
    if client_id and (len(client_id) > CLIENT_ID_CHARACTERS or "\0" in client_id):
        raise InvalidInput(
            "The client id can't be used.",
            fields={"client_id": [f"At most {CLIENT_ID_CHARACTERS} characters."]},
        )
    return replace(question, text=text, client_id=client_id)


def _asked_again(facts: Facts, before: AskedBefore, question: Question) -> Asked:
    """The turn of a question with the same client id.

    Raises:
        Conflict: its text was another one.
    """
    if before.text != question.text:
        name = "client id" if question.request is None else "idempotency key"
        raise Conflict(
            f"This {name} was used for another question.",
            code="client-id-used",
            way_out=f"Make a new {name} for every question.",
        )
    return _asked(facts, before, created=False)


def _first_claim(user: "User", facts: Facts, new: NewTurn, question: Question) -> Claim:
    """What the claimer of a new question is told before it is stored."""
    return Claim(
        turn_id=new.turn_id,
        fence=1,
        epoch=0,
        seq=0,
        user_id=user.pk,
        conversation_id=facts.conversation_id,
        question_id=new.question_id,
        answer_id=new.answer_id,
        parent_id=facts.parent_id,
        question=question.text,
        text="",
        sources=(),
        history=facts.history,
        brain_id=facts.brain_id,
        instructions=facts.instructions,
        rewrites_questions=facts.rewrites_questions,
        model_id=facts.model_id,
        completion_tokens=0,
        asked_at=timezone.now(),
        is_orphan=False,
        stop_requested=False,
        request=question.request,
    )


def _asked(facts: Facts, ids: NewTurn | AskedBefore, *, created: bool) -> Asked:
    return Asked(
        turn_id=ids.turn_id,
        question_id=ids.question_id,
        answer_id=ids.answer_id,
        conversation_id=facts.conversation_id,
        created=created,
    )
