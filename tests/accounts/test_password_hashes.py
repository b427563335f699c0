import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from pytest_django import Settings


class TestPasswordHashes:
    @pytest.fixture(autouse=True)
    def _hashers_of_production(self, settings: Settings) -> None:
        settings.PASSWORD_HASHERS = ["chatbot.accounts.services.password_hashes.Argon2"]

    def test_are_argon2id_within_20_megabytes(self) -> None:
        encoded = make_password("correct-horse-battery")

        assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
        assert check_password("correct-horse-battery", encoded)

    def test_of_another_cost_are_made_anew(self) -> None:
        encoded = make_password("correct-horse-battery").replace("m=19456", "m=9728")

        assert identify_hasher(encoded).must_update(encoded)
