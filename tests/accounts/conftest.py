import time

import pytest


@pytest.fixture(autouse=True)
def _one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window of a rate limit ends in the middle of a test."""
    now = time.time()
    monkeypatch.setattr("chatbot.rate_limits._now", lambda: now)
