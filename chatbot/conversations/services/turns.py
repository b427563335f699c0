"""Asking, going on, stopping: what people do with turns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Func, IntegerField, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from chatbot import jobs
from chatbot.brains.selectors import readable_brains
from chatbot.contracts.errors import Conflict, InvalidInput, LimitReached, NotAllowed
from chatbot.conversations.models import Conversation, Message, MessageRole, Turn, TurnState
from chatbot.conversations.selectors import no_such_conversation, no_such_turn
from chatbot.conversations.services.claims import Claim, claim_new, claim_of, history_before

if TYPE_CHECKING:
    from chatbot.accounts.models import User

QUESTION_CHARACTERS = 32_000
CLIENT_ID_CHARACTERS = 64
TITLE_CHARACTERS = 60
UNFINISHED_PER_USER = 10
UNFINISHED_IN_ALL = 500
RETRY_AFTER_SECONDS = 10
_UNFINISHED = (TurnState.QUEUED, TurnState.RUNNING)
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A stored question. `created` is false if it had been asked before."""

    turn_id: UUID
    question_id: UUID
    answer_id: UUID
    conversation_id: UUID
    created: bool


@dataclass(frozen=True, slots=True)
class _Question:
    conversation_id: UUID
    text: str
    client_id: str | None


def ask(*, user: "User", conversation_id: UUID, text: str, client_id: str | None = None) -> Asked:
    """Stores the question, an empty answer and a queued turn; a chat process takes it from there.

    With a `client_id` asking is idempotent: the same id and text give the same turn.

    Raises:
        NotFound: no such conversation, or somebody else's.
        NotAllowed: the user is no longer a member of the conversation's brain.
        Conflict: the client id was used for another text.
        InvalidInput: the text or the client id is empty or too long.
        LimitReached: too many questions wait.
    """
    question = _checked(_Question(conversation_id, text, client_id))
    asked, _ = _stored(user, question, owner="")
    return asked


def ask_and_claim(
    *, user: "User", conversation_id: UUID, text: str, client_id: str | None, owner: str
) -> tuple[Asked, Claim | None]:
    """`ask`, and in the same transaction the claim of the chat process that was asked.

    There is no claim if the question had been asked before.
    """
    question = _checked(_Question(conversation_id, text, client_id))
    return _stored(user, question, owner=owner)


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
    if turn.state in _UNFINISHED:
        return _asked(turn, created=False)
    if turn.state == TurnState.COMPLETED and turn.answer.finish_reason != "length":
        raise Conflict(
            "The answer is complete.", code="answer-complete", way_out="Ask another question."
        )
    _check_may_ask(_locked_conversation(user, turn.conversation_id))
    Turn.objects.filter(pk=turn.pk).update(
        state=TurnState.QUEUED,
        epoch=F("epoch") + 1,
        attempts=0,
        stop_requested=False,
        started_at=None,
        finished_at=None,
        error_code="",
        error_sentence="",
        error_way_out="",
    )
    Message.objects.filter(pk=turn.answer_id).update(finish_reason="")
    jobs.nudge_chat_service({"queued": str(turn.pk)})
    return _asked(turn, created=True)


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


def _checked(question: _Question) -> _Question:
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
    return _Question(question.conversation_id, text, client_id)


def _stored(user: "User", question: _Question, *, owner: str) -> tuple[Asked, Claim | None]:
    """Stores the question, once more where two askers chose the same ordinal or client id."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return _store(user, question, owner=owner)
        except IntegrityError:
            if not tries_left:
                raise
    raise AssertionError


@transaction.atomic
def _store(user: "User", question: _Question, *, owner: str) -> tuple[Asked, Claim | None]:
    conversation = _locked_conversation(user, question.conversation_id)
    if question.client_id and (asked := _asked_before(question)):
        return asked, None
    _check_may_ask(conversation)
    ordinal = (getattr(conversation, "last_ordinal", None) or 0) + 1
    asked_message = Message(
        conversation=conversation,
        ordinal=ordinal,
        role=MessageRole.USER,
        text=question.text,
        client_id=question.client_id,
    )
    answer = Message(conversation=conversation, ordinal=ordinal + 1, role=MessageRole.ASSISTANT)
    Message.objects.bulk_create([asked_message, answer])
    turn = Turn(conversation=conversation, question=asked_message, answer=answer)
    history = history_before(conversation.pk, ordinal) if owner and ordinal > 1 else ()
    if owner:
        claim_new(turn, owner=owner)
    else:
        jobs.nudge_chat_service({"queued": str(turn.pk)})
    turn.save(force_insert=True)
    _touch(conversation, question.text)
    claim = claim_of(turn, conversation=conversation, history=history) if owner else None
    return _asked(turn, created=True), claim


def _locked_conversation(user: "User", conversation_id: UUID) -> Conversation:
    """The person's conversation, locked, with all that asking depends on in one query."""
    readable = readable_brains(user=user).filter(pk=OuterRef("brain"))
    ordinals = Message.objects.filter(conversation=OuterRef("pk")).order_by()
    unfinished = Turn.objects.filter(state__in=_UNFINISHED).order_by()
    conversation = (
        Conversation.objects.select_for_update(of=("self",))
        .filter(pk=conversation_id, user=user)
        .select_related("brain")
        .annotate(
            brain_is_readable=Exists(readable),
            last_ordinal=Subquery(
                ordinals.values("conversation").annotate(last=Max("ordinal")).values("last")
            ),
            unfinished_in_all=_count(unfinished),
            unfinished_of_user=_count(unfinished.filter(conversation__user=user)),
        )
        .first()
    )
    if conversation is None:
        raise no_such_conversation()
    return conversation


def _count(turns: QuerySet[Turn, Turn]) -> Subquery:
    counted = turns.annotate(n=Func(F("pk"), function="COUNT", output_field=IntegerField()))
    return Subquery(counted.values("n"))


def _asked_before(question: _Question) -> Asked | None:
    """The turn of a question with the same client id.

    Raises:
        Conflict: its text was another one.
    """
    turn = (
        Turn.objects.filter(
            question__conversation=question.conversation_id,
            question__client_id=question.client_id,
        )
        .select_related("question")
        .first()
    )
    if turn is None:
        return None
    if turn.question.text != question.text:
        raise Conflict(
            "This client id was used for another question.",
            code="client-id-used",
            way_out="Make a new client id for every question.",
        )
    return _asked(turn, created=False)


def _check_may_ask(conversation: Conversation) -> None:
    """Membership of the brain, and the bounds of the queue, from the annotations."""
    if conversation.brain_id and not getattr(conversation, "brain_is_readable", False):
        raise NotAllowed(
            "You are no longer a member of this conversation's brain.",
            code="brain-closed",
            way_out="Ask an owner of the brain, or begin a conversation without it.",
        )
    if getattr(conversation, "unfinished_of_user", 0) >= UNFINISHED_PER_USER:
        raise LimitReached(
            f"{UNFINISHED_PER_USER} of your questions wait for their answers.",
            code="too-many-unfinished",
            way_out="Wait for an answer, or stop one.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    if getattr(conversation, "unfinished_in_all", 0) >= UNFINISHED_IN_ALL:
        raise LimitReached(
            "Too many questions wait for the model.",
            code="queue-full",
            way_out="Try again in a moment.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )


def _touch(conversation: Conversation, text: str) -> None:
    """Puts the conversation to the top of the list, and gives it a title if it has none."""
    changes = {"updated_at": timezone.now(), "title": conversation.title or title_of(text)}
    Conversation.objects.filter(pk=conversation.pk).update(**changes)


def _asked(turn: Turn, *, created: bool) -> Asked:
    return Asked(
        turn_id=turn.pk,
        question_id=turn.question_id,
        answer_id=turn.answer_id,
        conversation_id=turn.conversation_id,
        created=created,
    )
