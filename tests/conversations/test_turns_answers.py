"""What is written under a fence: checkpoints, and the end, once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatbot.contracts.events import Source
from chatbot.conversations.models import Message, Turn, TurnState
from chatbot.conversations.selectors import sources_of
from chatbot.conversations.services.answers import (
    Checkpoint,
    Outcome,
    finalise,
    save_checkpoints,
)
from chatbot.conversations.services.claims import claim_turns
from chatbot.documents.models import Document, DocumentVersion, VersionState
from chatbot.documents.services import ingestion
from chatbot.inference.models import InferenceModel
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.documents import make_document, version_of
from tests.factories.inference import make_model

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def turn(db: None) -> Turn:  # noqa: ARG001 - the database comes first
    """A turn that has been claimed with fence 1."""
    turn = make_turn(make_conversation(make_user()))
    claim_turns(owner="me", limit=1)
    turn.refresh_from_db()
    return turn


@pytest.fixture
def document(turn: Turn) -> Document:
    return make_document(make_brain(owner=turn.conversation.user), pages=("Some text.",))


def source_in(document: Document, ordinal: int = 1) -> Source:
    return Source(
        ordinal=ordinal,
        document=str(document.pk),
        version=str(version_of(document).pk),
        title=document.title,
        page_from=1,
        page_to=1,
        start=0,
        end=4,
        quote="Some",
    )


def completed(text: str = "The answer.", **fields: object) -> Outcome:
    figures = {"seq": 9, "finish_reason": "stop", **fields}
    return Outcome(state=TurnState.COMPLETED, text=text, **figures)  # type: ignore[arg-type]


class TestSaveCheckpoints:
    def test_writes_text_and_sequence_of_all_in_one_statement(self, turn: Turn) -> None:
        other = make_turn(turn.conversation)
        claim_turns(owner="me", limit=1)
        with CaptureQueriesContext(connection) as statements:
            save_checkpoints(
                [Checkpoint(turn.pk, 1, 5, "Half of"), Checkpoint(other.pk, 1, 3, "Other")]
            )

        turn.refresh_from_db()
        assert (turn.seq, Message.objects.get(pk=turn.answer_id).text) == (5, "Half of")
        assert Message.objects.get(pk=other.answer_id).text == "Other"
        assert len(statements) == 1

    def test_passes_over_a_lost_fence(self, turn: Turn) -> None:
        Turn.objects.filter(pk=turn.pk).update(fence=2)

        save_checkpoints([Checkpoint(turn.pk, 1, 5, "Half of")])

        turn.refresh_from_db()
        assert (turn.seq, Message.objects.get(pk=turn.answer_id).text) == (0, "")


def replace_reading(document: Document) -> None:
    """By a new version; the old one is removed."""
    new = DocumentVersion.objects.create(document=document, number=2, state=VersionState.READY)
    Document.objects.filter(pk=document.pk).update(current_version=new)
    DocumentVersion.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert ingestion.remove_superseded() == 1


class TestFinalise:
    def test_stores_the_answer_with_its_figures_and_citations(
        self, turn: Turn, document: Document
    ) -> None:
        outcome = completed(
            sources=[source_in(document)],
            model_name="A model",
            prompt_tokens=11,
            completion_tokens=7,
            ttft_ms=20,
            duration_ms=300,
        )

        stored = finalise(turn_id=turn.pk, fence=1, outcome=outcome)

        turn.refresh_from_db()
        answer = Message.objects.prefetch_related("citations__document").get(pk=turn.answer_id)
        assert stored
        assert (turn.state, turn.seq, turn.leased_until) == (TurnState.COMPLETED, 9, None)
        assert turn.finished_at is not None
        assert (answer.text, answer.model_name, answer.finish_reason) == (
            "The answer.",
            "A model",
            "stop",
        )
        assert (answer.prompt_tokens, answer.completion_tokens) == (11, 7)
        assert (answer.ttft_ms, answer.duration_ms) == (20, 300)
        assert sources_of(answer) == [source_in(document)]

    def test_says_the_same_when_the_first_confirmation_was_lost(self, turn: Turn) -> None:
        assert [finalise(turn_id=turn.pk, fence=1, outcome=completed()) for _ in range(2)] == [
            True,
            True,
        ]

    def test_refuses_a_lost_fence(self, turn: Turn) -> None:
        Turn.objects.filter(pk=turn.pk).update(fence=2)

        stored = finalise(turn_id=turn.pk, fence=1, outcome=completed())

        turn.refresh_from_db()
        assert not stored
        assert turn.state == TurnState.RUNNING
        assert Message.objects.get(pk=turn.answer_id).text == ""

    def test_refuses_a_turn_that_is_gone(self, turn: Turn) -> None:
        turn.conversation.delete()

        assert not finalise(turn_id=turn.pk, fence=1, outcome=completed())

    def test_leaves_out_citations_of_a_document_that_was_deleted(
        self, turn: Turn, document: Document
    ) -> None:
        sources = [source_in(document)]
        document.delete()

        assert finalise(turn_id=turn.pk, fence=1, outcome=completed(sources=sources))
        assert not Message.objects.get(pk=turn.answer_id).citations.exists()

    def test_keeps_citations_of_a_document_that_was_read_again(
        self, turn: Turn, document: Document
    ) -> None:
        source = source_in(document)

        finalise(turn_id=turn.pk, fence=1, outcome=completed(sources=[source]))
        replace_reading(document)

        assert sources_of(Message.objects.get(pk=turn.answer_id)) == [source]

    def test_cites_a_document_that_was_read_again_meanwhile(
        self, turn: Turn, document: Document
    ) -> None:
        source = source_in(document)
        replace_reading(document)

        finalise(turn_id=turn.pk, fence=1, outcome=completed(sources=[source]))

        assert sources_of(Message.objects.get(pk=turn.answer_id)) == [source]

    def test_replaces_citations_unless_nothing_is_known_of_them(
        self, turn: Turn, document: Document
    ) -> None:
        finalise(
            turn_id=turn.pk,
            fence=1,
            outcome=completed(sources=[source_in(document), source_in(document, 2)]),
        )
        Turn.objects.filter(pk=turn.pk).update(state=TurnState.RUNNING)
        finalise(turn_id=turn.pk, fence=1, outcome=completed(ttft_ms=None, model_name=""))
        kept = Message.objects.get(pk=turn.answer_id).citations.count()
        Turn.objects.filter(pk=turn.pk).update(state=TurnState.RUNNING)
        finalise(turn_id=turn.pk, fence=1, outcome=completed(sources=[source_in(document)]))

        assert (kept, Message.objects.get(pk=turn.answer_id).citations.count()) == (2, 1)

    def test_keeps_figures_of_which_a_continuation_knows_nothing(self, turn: Turn) -> None:
        finalise(turn_id=turn.pk, fence=1, outcome=completed(ttft_ms=20, model_name="A model"))
        Turn.objects.filter(pk=turn.pk).update(state=TurnState.RUNNING)

        finalise(turn_id=turn.pk, fence=1, outcome=completed("Longer."))

        answer = Message.objects.get(pk=turn.answer_id)
        assert (answer.text, answer.ttft_ms, answer.model_name) == ("Longer.", 20, "A model")


class TestCost:
    @pytest.fixture
    def priced(self) -> InferenceModel:
        return make_model(name="Dear", price_prompt=Decimal(2), price_completion=Decimal("0.5"))

    def test_is_stored_by_the_prices_of_the_model(self, turn: Turn, priced: InferenceModel) -> None:
        outcome = completed(
            model_name=priced.name, prompt_tokens=1000, completion_tokens=300, written_tokens=300
        )

        finalise(turn_id=turn.pk, fence=1, outcome=outcome)

        assert Message.objects.get(pk=turn.answer_id).cost == Decimal("0.00215")

    def test_grows_when_an_answer_is_continued(self, turn: Turn, priced: InferenceModel) -> None:
        Message.objects.filter(pk=turn.answer_id).update(cost=Decimal(1))
        outcome = completed(
            model_name=priced.name, prompt_tokens=1000, completion_tokens=300, written_tokens=100
        )

        finalise(turn_id=turn.pk, fence=1, outcome=outcome)

        assert Message.objects.get(pk=turn.answer_id).cost == Decimal("1.00205")

    @pytest.mark.parametrize(
        ("model", "tokens"),
        [
            pytest.param("Dear", None, id="nothing counted"),
            pytest.param("Free", 10, id="no prices"),
            pytest.param("Gone", 10, id="no such model"),
        ],
    )
    @pytest.mark.usefixtures("priced")
    def test_is_left_open_where_it_is_not_known(
        self, model: str, tokens: int | None, turn: Turn
    ) -> None:
        make_model(name="Free")
        outcome = completed(
            model_name=model, prompt_tokens=tokens, completion_tokens=tokens, written_tokens=tokens
        )

        finalise(turn_id=turn.pk, fence=1, outcome=outcome)

        assert Message.objects.get(pk=turn.answer_id).cost is None
