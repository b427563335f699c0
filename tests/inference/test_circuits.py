import uuid

import pytest

from chatbot.inference.circuits import (
    Check,
    CircuitState,
    OpenedBy,
    Opening,
    decoded_places,
    encoded_places,
    place_id,
)


class TestOpening:
    @pytest.mark.parametrize(
        ("by", "seconds", "state"),
        [
            pytest.param(OpenedBy.ANSWERS, 1, CircuitState.OPEN, id="just opened"),
            pytest.param(OpenedBy.ANSWERS, 5, CircuitState.HALF_OPEN, id="time for a trial"),
            pytest.param(OpenedBy.ANSWERS, 60, CircuitState.CLOSED, id="forgotten"),
            pytest.param(OpenedBy.CHECK, 6, CircuitState.OPEN, id="the next check is the trial"),
            pytest.param(OpenedBy.CHECK, 60, CircuitState.CLOSED, id="no checks any more"),
        ],
    )
    def test_is_open_then_tried_then_forgotten(
        self, by: OpenedBy, seconds: float, state: CircuitState
    ) -> None:
        opening = Opening(1000.0, by, "inference-gone")

        assert opening.state(1000.0 + seconds) == state

    def test_comes_back_as_it_was_stored(self) -> None:
        opening = Opening(1000.5, OpenedBy.CHECK, "inference-gone")

        assert Opening.decoded(opening.encoded()) == opening


class TestCheck:
    def test_comes_back_as_it_was_stored(self) -> None:
        check = Check(1000.5, is_healthy=True, queue=3)

        assert Check.decoded(check.encoded()) == check


class TestPlaces:
    def test_are_the_endpoint_or_each_address(self) -> None:
        endpoint = uuid.uuid4()

        places = {address: place_id(endpoint, address) for address in ("10.0.0.1", "10.0.0.2")}

        assert place_id(endpoint) == endpoint
        assert len({endpoint, *places.values()}) == 3
        assert decoded_places(encoded_places(places)) == places
