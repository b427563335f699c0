"""What an error looks like to a client."""

import json
from collections.abc import Mapping
from typing import Any, Protocol


class Answer(Protocol):
    """A response: Django's own, or the test client's."""

    status_code: int

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def content(self) -> bytes: ...


def body_of(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.content)
    return body


def check_is_problem(answer: Answer, status: int, code: str) -> None:
    """The answer is a problem document with this status and code."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    body = body_of(answer)
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["type"] == f"urn:brainstem:problem:{code}"
    assert body["title"]
    assert body["detail"]
    assert "way_out" in body
