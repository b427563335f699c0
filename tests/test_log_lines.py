"""Lines of the log: what they carry, and what they black out."""

import json
import logging
from typing import Any

import pytest

from chatbot.contracts.errors import Unavailable
from chatbot.log_lines import JsonLine, TextLine, blacked_out, log_as, logged_as
from chatbot.request_ids import request_id

SECRETS = {
    "e-mail": "somebody.else@mail.example.org",
    "access token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "API key": "bst_q9Zk-3vXv0pL",
    "hosted key": "sk-proj-0123456789abcdef",
    "password": "hunter2",
}
SAID = {
    "e-mail": "no such person: somebody.else@mail.example.org",
    "access token": "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl instead",
    "API key": "Authorization: Bearer bst_q9Zk-3vXv0pL",
    "hosted key": "Incorrect API key provided: sk-proj-0123456789abcdef",
    "password": "can't reach postgresql://brainstem:hunter2@db:5432/x",
}


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("chatbot.jobs", logging.WARNING, "", 1, message, (), info)


def parsed(message: str, error: BaseException | None = None) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(JsonLine().format(record(message, error)))
    return line


def fail() -> None:
    raise ValueError("my secret question")


def raised() -> Exception:
    """An error of ours that was caused by one that repeats what somebody wrote."""
    ours = Unavailable("The database is away.")
    try:
        fail()
    except ValueError as cause:
        ours.__cause__ = cause
    return ours


class TestBlackedOut:
    @pytest.mark.parametrize("kind", SECRETS)
    def test_hides(self, kind: str) -> None:
        assert SECRETS[kind] in SAID[kind]

        assert SECRETS[kind] not in blacked_out(SAID[kind])

    def test_hides_the_row_that_postgres_repeats(self) -> None:
        said = "duplicate key\nDETAIL:  Key (text)=(my secret question) already exists."

        assert blacked_out(said) == "duplicate key\nDETAIL: ***"

    @pytest.mark.parametrize(
        "said",
        [
            "turn 5b2f failed: inference-gone: The inference server can't be reached (503)",
            "http://127.0.0.1:8000/v1 doesn't answer",
            "signed in user=9c4f email=s***@e***",
        ],
    )
    def test_leaves_the_rest_alone(self, said: str) -> None:
        assert blacked_out(said) == said


class TestTextLine:
    def test_is_as_short_as_it_was(self) -> None:
        assert TextLine().format(record("hint not sent")) == "WARNING chatbot.jobs: hint not sent"


class TestJsonLine:
    def test_is_one_object_with_the_ids_that_are_known(self) -> None:
        with logged_as(request="abc"):
            log_as(turn=5)
            line = parsed("hint\nnot sent")
        after = parsed("later")

        assert line["time"].endswith("Z")
        assert line["pid"] > 0
        assert {
            "level": "WARNING",
            "logger": "chatbot.jobs",
            "message": "hint\nnot sent",
            "process": "chatbot",
            "request": "abc",
            "turn": "5",
        }.items() <= line.items()
        assert "request" not in after
        assert "turn" not in after

    def test_tells_where_an_error_was_and_only_our_own_words_of_it(self) -> None:
        line = parsed("failed", raised())

        assert [error["type"] for error in line["errors"]] == ["Unavailable", "ValueError"]
        assert line["errors"][0]["message"] == "The database is away."
        assert line["errors"][1]["stack"][0].endswith(" raised")
        assert "my secret question" not in json.dumps(line)


class TestRequestId:
    def test_is_the_given_one(self) -> None:
        assert request_id("5b2f9c4f-0d51") == "5b2f9c4f-0d51"

    @pytest.mark.parametrize("given", [None, "", "short", "a b c d e f g", "x" * 65, "12345678\n"])
    def test_is_a_new_one_where_that_is_none(self, given: str | None) -> None:
        own = request_id(given)

        assert own != given
        assert len(own) == 16
