"""Signatures by the Standard Webhooks specification."""

import base64
import time
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from chatbot.webhooks.services.faults import DELIVERY_FAULTS
from chatbot.webhooks.services.signing import (
    SecretUnreadable,
    decrypted,
    encrypted,
    new_secret,
    signed_headers,
)
from tests.factories.webhooks import SECRET

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs/protocols/webhooks.md"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""Of the message below: the test vector that the specification's own libraries share."""


class TestSignedHeaders:
    def test_agree_with_the_known_message(self) -> None:
        headers = signed_headers(
            message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp=1614265330,
            body=BODY,
            keys=[SECRET],
        )

        assert headers == {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": SIGNATURE,
        }

    def test_hold_a_signature_for_each_secret(self) -> None:
        headers = signed_headers(
            message_id="1", timestamp=1, body=BODY, keys=[SECRET, new_secret()]
        )

        first, second = headers["webhook-signature"].split(" ")
        assert first != second
        assert first.startswith("v1,")
        assert second.startswith("v1,")


class TestSecrets:
    def test_are_new_each_time_and_hold_256_bits(self) -> None:
        first, second = new_secret(), new_secret()

        assert first != second
        assert first.startswith("whsec_")
        assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32

    def test_are_stored_unreadably_and_read_again(self) -> None:
        stored = encrypted(SECRET)

        assert SECRET.removeprefix("whsec_").encode() not in stored
        assert decrypted(stored) == SECRET

    def test_are_lost_with_the_key_of_the_installation(self, settings: Settings) -> None:
        stored = encrypted(SECRET)
        settings.SECRET_KEY = "another-key"  # noqa: S105 - of a test

        with pytest.raises(SecretUnreadable):
            decrypted(stored)


class TestDocumentation:
    def test_verifies_what_is_sent_and_nothing_else(self) -> None:
        body, other = b'{"type": "ping"}', new_secret()
        headers = signed_headers(
            message_id="1", timestamp=int(time.time()), body=body, keys=[other, SECRET]
        )
        old = signed_headers(message_id="1", timestamp=1, body=body, keys=[SECRET])
        code = DOCUMENTATION.read_text().partition("```python\n")[2].partition("```")[0]
        names: dict[str, Any] = {}
        exec(code, names)  # noqa: S102 - our own page
        verified = names["verified"]

        assert verified(headers, body, SECRET)
        assert not verified(headers, body + b" ", SECRET)
        assert not verified(headers, body, new_secret())
        assert not verified(old, body, SECRET)

    def test_names_all_that_can_go_wrong(self) -> None:
        page = DOCUMENTATION.read_text()

        assert [code for code in DELIVERY_FAULTS if f"`{code}`" not in page] == []
