from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from chat_service.asides import Asides
from chat_service.spent import Spent
from chat_service.token_estimate import estimate_tokens
from chatbot.inference.connectors.protocol import UsageReport
from tests.fakes.script import generated

if TYPE_CHECKING:
    from chatbot.conversations.services.claims import Claim

BEFORE, MORE = generated(40), generated(90)
TOLD = UsageReport(prompt_tokens=20, completion_tokens=7)


def spent(*, counted: int = 0, is_orphan: bool = False) -> Spent:
    return Spent(cast("Claim", SimpleNamespace(completion_tokens=counted, is_orphan=is_orphan)))


def figures(one: Spent) -> tuple[int, int]:
    """Completion tokens of this run, and of the whole answer."""
    one.told = TOLD
    by_run, in_all = one.by_run(), one.in_all()
    assert by_run is not None
    assert in_all is not None
    return by_run.completion_tokens, in_all.completion_tokens


class TestSpent:
    def test_is_unknown_where_no_server_told(self) -> None:
        one = spent()

        assert (one.by_run(), one.in_all()) == (None, None)

    def test_adds_what_was_counted_before(self) -> None:
        one = spent(counted=50)
        one.stands(BEFORE)

        assert figures(one) == (7, 57)

    @pytest.mark.parametrize("counted", [0, 5], ids=["of a first run", "of an answer continued"])
    def test_estimates_what_a_dead_writer_left(self, counted: int) -> None:
        one = spent(counted=counted, is_orphan=True)
        one.stands(BEFORE)

        estimated = estimate_tokens(BEFORE)
        assert figures(one) == (7 + estimated - counted, 7 + estimated)

    def test_estimates_what_servers_wrote_that_broke_off(self) -> None:
        one = spent(counted=50)
        one.stands(BEFORE)
        one.broke_off(BEFORE + MORE, Asides())

        estimated = estimate_tokens(MORE)
        assert figures(one) == (7 + estimated, 57 + estimated)

    def test_keeps_the_cost_of_a_text_that_was_taken_back(self) -> None:
        one = spent()
        one.stands("")
        one.broke_off(BEFORE, Asides())
        one.begins_anew(Asides())
        one.broke_off(MORE, Asides())

        estimated = estimate_tokens(BEFORE) + estimate_tokens(MORE)
        assert figures(one) == (7 + estimated, 7 + estimated)

    def test_keeps_the_cost_of_a_dead_writer_s_text_that_was_taken_back(self) -> None:
        one = spent(is_orphan=True)
        one.stands(BEFORE)
        one.begins_anew(Asides())

        assert figures(one)[0] == 7 + estimate_tokens(BEFORE)
