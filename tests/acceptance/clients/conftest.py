"""The scripted inference server behind the door, held by its script."""

import json
import os
import urllib.request
from collections.abc import Callable

import pytest

Script = Callable[..., None]


@pytest.fixture
def script() -> Script:
    """What the model answers from now on; fields of `tests.fakes.script.Script`."""

    def post(**fields: object) -> None:
        request = urllib.request.Request(  # noqa: S310 - ours
            f"{os.environ['SCRIPTED_URL']}/script",
            data=json.dumps(fields).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - ours

    post()
    return post


@pytest.fixture
def brain() -> str:
    """The name of a brain that knows what keeps the body breathing."""
    return os.environ["BRAIN_MODEL"]
