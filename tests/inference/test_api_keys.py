from typing import TYPE_CHECKING

import pytest

from chatbot.inference.api_keys import ApiKeyUnreadable, decrypted, encrypted

if TYPE_CHECKING:
    from pytest_django import Settings


class TestApiKeys:
    def test_come_back(self) -> None:
        assert decrypted(memoryview(encrypted("sésame-열려라"))) == "sésame-열려라"

    def test_are_not_what_is_stored(self) -> None:
        assert b"sesame" not in encrypted("sesame")

    def test_differ_each_time(self) -> None:
        assert encrypted("sesame") != encrypted("sesame")

    def test_that_are_empty_stay_empty(self) -> None:
        assert encrypted("") == b""
        assert decrypted(b"") == ""

    def test_outlive_a_change_of_the_secret(self, settings: "Settings") -> None:
        stored = encrypted("sesame")
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another-secret-" * 4

        assert decrypted(stored) == "sesame"

    def test_are_lost_with_the_secret(self, settings: "Settings") -> None:
        stored = encrypted("sesame")
        settings.SECRET_KEY = "another-secret-" * 4

        with pytest.raises(ApiKeyUnreadable, match="SECRET_KEY has changed"):
            decrypted(stored)
