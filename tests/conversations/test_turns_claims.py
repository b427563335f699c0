"""Leases and fences: at most one process writes an answer."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from chatbot.conversations.models import Conversation, Turn, TurnState
from chatbot.conversations.services.claims import (
    MAX_ATTEMPTS,
    claim_turns,
    release_leases,
    renew_leases,
)
from tests.factories.conversations import make_orphan, make_turn

pytestmark = pytest.mark.django_db(transaction=True)


class TestClaimTurns:
    def test_takes_what_is_queued_oldest_first(self, conversation: Conversation) -> None:
        first, second, _ = (make_turn(conversation) for _ in range(3))

        claims = claim_turns(owner="me", limit=2)

        assert [claim.turn_id for claim in claims] == [first.pk, second.pk]
        first.refresh_from_db()
        assert (first.state, first.owner, first.fence, first.epoch, first.attempts) == (
            TurnState.RUNNING,
            "me",
            1,
            0,
            1,
        )
        assert first.leased_until is not None
        left = first.leased_until - timezone.now()
        assert timedelta(0) < left <= timedelta(seconds=3)

    def test_takes_one_that_was_named(self, conversation: Conversation) -> None:
        _, second = make_turn(conversation), make_turn(conversation)

        claims = claim_turns(owner="me", limit=5, turn_id=second.pk)

        assert [claim.turn_id for claim in claims] == [second.pk]

    def test_takes_orphans_under_a_new_fence_and_epoch(self, conversation: Conversation) -> None:
        turn = make_orphan(conversation, answer="Half of")

        [claim] = claim_turns(owner="me", limit=5)

        assert (claim.fence, claim.epoch, claim.is_orphan) == (2, 1, True)
        assert (claim.text, claim.seq) == ("Half of", 1)
        turn.refresh_from_db()
        assert (turn.owner, turn.fence, turn.epoch, turn.attempts) == ("me", 2, 1, 2)

    def test_leaves_what_the_claimer_itself_still_writes(self, conversation: Conversation) -> None:
        late, orphan, queued = (
            make_orphan(conversation),
            make_orphan(conversation),
            make_turn(conversation),
        )

        claims = claim_turns(owner="me", limit=5, written=[late.pk])

        assert {claim.turn_id for claim in claims} == {orphan.pk, queued.pk}
        late.refresh_from_db()
        assert (late.fence, late.epoch) == (1, 0)

    def test_leaves_what_is_leased_or_ended(self, conversation: Conversation) -> None:
        leased = make_orphan(conversation)
        Turn.objects.filter(pk=leased.pk).update(leased_until=timezone.now() + timedelta(minutes=1))
        make_turn(conversation, state=TurnState.COMPLETED)

        assert claim_turns(owner="me", limit=5) == []

    def test_passes_over_what_another_process_is_claiming(self, conversation: Conversation) -> None:
        turn = make_turn(conversation)
        other = transaction.atomic()
        with other:
            claimed = claim_turns(owner="me", limit=5)

        assert [claim.turn_id for claim in claimed] == [turn.pk]
        assert claim_turns(owner="other", limit=5) == []

    def test_fails_what_has_lost_too_many_owners(self, conversation: Conversation) -> None:
        turn = make_orphan(conversation, attempts=MAX_ATTEMPTS, answer="Half of")

        claims = claim_turns(owner="me", limit=5)

        turn.refresh_from_db()
        turn.answer.refresh_from_db()
        assert claims == []
        assert (turn.state, turn.error_code) == (TurnState.FAILED, "answer-interrupted")
        assert turn.error_sentence
        assert turn.error_way_out
        assert (turn.answer.text, turn.answer.finish_reason) == ("Half of", "error")


class TestRenewLeases:
    def test_prolongs_and_tells_of_stops(self, conversation: Conversation) -> None:
        stopped, going = make_orphan(conversation), make_orphan(conversation)
        Turn.objects.filter(pk=stopped.pk).update(stop_requested=True)

        renewed = renew_leases(fences={stopped.pk: 1, going.pk: 1})

        going.refresh_from_db()
        assert renewed == {stopped.pk: True, going.pk: False}
        assert going.leased_until is not None
        assert going.leased_until > timezone.now()

    def test_leaves_out_what_is_lost(self, conversation: Conversation) -> None:
        taken, ended = make_orphan(conversation), make_turn(conversation, state=TurnState.FAILED)
        Turn.objects.filter(pk=taken.pk).update(fence=2)

        assert renew_leases(fences={taken.pk: 1, ended.pk: 0, uuid4(): 1}) == {}


class TestReleaseLeases:
    def test_lets_another_process_go_on_at_once_and_counts_no_death(
        self, conversation: Conversation
    ) -> None:
        turn = make_turn(conversation)
        [claim] = claim_turns(owner="me", limit=1)

        release_leases(fences={claim.turn_id: claim.fence})
        [taken] = claim_turns(owner="other", limit=1)

        turn.refresh_from_db()
        assert (taken.fence, turn.attempts) == (2, 1)

    def test_leaves_what_is_lost(self, conversation: Conversation) -> None:
        make_turn(conversation)
        [claim] = claim_turns(owner="me", limit=1)

        release_leases(fences={claim.turn_id: claim.fence - 1})

        assert claim_turns(owner="other", limit=1) == []
