"""Waiting for an answer within a request: bounded in time and in number."""

import time
from threading import Thread

import pytest
from django.db import connection

from chatbot.conversations.models import Turn, TurnState
from chatbot.conversations.services.asking_jobs import MAX_WAITING, wait_for_answer
from tests.child_processes import wait_until
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation, make_turn

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def turn(db: None) -> Turn:  # noqa: ARG001 - the database comes first
    return make_turn(make_conversation(make_user()))


class TestWaitForAnswer:
    def test_ends_with_the_answer(self, turn: Turn) -> None:
        def end_soon() -> None:
            time.sleep(0.3)
            Turn.objects.update(state=TurnState.COMPLETED)
            connection.close()

        ending = Thread(target=end_soon)
        ending.start()
        begun = time.monotonic()

        has_ended = wait_for_answer(turn_id=turn.pk, seconds=20)

        ending.join()
        assert has_ended
        assert time.monotonic() - begun < 5

    @pytest.mark.parametrize("state", [TurnState.COMPLETED, TurnState.FAILED, TurnState.STOPPED])
    def test_ends_at_once_when_the_answer_has(self, state: TurnState, turn: Turn) -> None:
        Turn.objects.update(state=state)

        assert wait_for_answer(turn_id=turn.pk, seconds=20)

    def test_does_not_wait_where_enough_others_do(self, turn: Turn) -> None:
        waited: list[bool] = []

        def wait() -> None:
            waited.append(wait_for_answer(turn_id=turn.pk, seconds=20))
            connection.close()

        threads = [Thread(target=wait) for _ in range(MAX_WAITING + 2)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(waited) == 2, seconds=10, what="two that don't wait")
        Turn.objects.update(state=TurnState.COMPLETED)
        for thread in threads:
            thread.join()

        assert sorted(waited) == [False] * 2 + [True] * MAX_WAITING
