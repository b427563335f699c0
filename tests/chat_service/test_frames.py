"""What clients may send."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from chat_service.frames import InvalidFrame, parse_frame
from tests.chat_service.client import ChatClient

TURN = str(uuid4())


class TestParseFrame:
    def test_reads_the_fields_of_the_type(self) -> None:
        frame = parse_frame(json.dumps({"type": "subscribe", "turn": TURN, "after": 7, "new": 1}))

        assert (frame.type, str(frame.fields["turn"]), frame.fields["after"]) == (
            "subscribe",
            TURN,
            7,
        )

    def test_reads_the_whole_turn_without_a_number(self) -> None:
        assert parse_frame(json.dumps({"type": "subscribe", "turn": TURN})).fields["after"] == 0

    @pytest.mark.parametrize(
        ("named", "fields"),
        [
            pytest.param({}, {}, id="absent"),
            pytest.param({"parent": None}, {"parent": None}, id="null"),
            pytest.param({"parent": TURN}, {"parent": UUID(TURN)}, id="an id"),
        ],
    )
    def test_tells_a_parent_that_is_null_from_none(
        self, named: dict[str, Any], fields: dict[str, Any]
    ) -> None:
        ask = {"type": "ask", "conversation": TURN, "text": "?", "client_id": "1"}

        frame = parse_frame(json.dumps({**ask, **named}))

        assert {key: one for key, one in frame.fields.items() if key == "parent"} == fields

    @pytest.mark.parametrize(
        ("frame", "complaint"),
        [
            pytest.param("{", "not JSON", id="no JSON"),
            pytest.param("[]", "not a JSON object", id="no object"),
            pytest.param({}, "type null", id="no type"),
            pytest.param({"type": []}, "type", id="type is no text"),
            pytest.param({"type": "dance"}, 'type "dance"', id="unknown type"),
            pytest.param({"type": "stop"}, "turn of stop", id="field missing"),
            pytest.param({"type": "stop", "turn": "x"}, "turn of stop", id="no id"),
            pytest.param(
                {"type": "subscribe", "turn": TURN, "after": -1}, "after", id="negative number"
            ),
            pytest.param(
                {"type": "subscribe", "turn": TURN, "after": True}, "after", id="no number"
            ),
            pytest.param(
                {"type": "subscribe", "turn": TURN, "after": 2**70}, "JSON|after", id="huge number"
            ),
            pytest.param(
                {"type": "ask", "conversation": TURN, "text": "", "client_id": "1"},
                "text of ask",
                id="empty text",
            ),
        ],
    )
    def test_says_what_is_wrong(self, frame: Any, complaint: str) -> None:  # noqa: ANN401 - any JSON
        text = frame if isinstance(frame, str) else json.dumps(frame)

        with pytest.raises(InvalidFrame, match=complaint):
            parse_frame(text)

    def test_repeats_what_the_frame_named(self) -> None:
        with pytest.raises(InvalidFrame) as refused:
            parse_frame(json.dumps({"type": "ask", "client_id": "mine", "text": 5}))

        assert refused.value.echo == {"client_id": "mine"}


@pytest.mark.django_db(transaction=True)
class TestSocket:
    def test_goes_on_after_a_frame_that_it_does_not_understand(self, client: ChatClient) -> None:
        client.send(type="dance", client_id="mine")
        refused = client.receive()
        client.send(type="ping")

        assert refused["code"] == "invalid-frame"
        assert refused["client_id"] == "mine"
        assert client.receive() == {"type": "pong"}
