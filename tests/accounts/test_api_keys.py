import hashlib
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chatbot.accounts.models import ApiKey, Scope, User
from chatbot.accounts.services import api_keys
from chatbot.accounts.services.api_keys import authenticate, create_api_key, revoke_api_key
from chatbot.contracts.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from tests.factories.accounts import make_api_key, make_user

pytestmark = pytest.mark.django_db


class TestCreateApiKey:
    def test_gives_a_key_of_256_random_bits(self) -> None:
        _, secret = make_api_key(make_user())

        assert secret.startswith("bst_")
        assert len(secret.removeprefix("bst_")) == 43

    def test_keeps_only_the_digest(self) -> None:
        key, secret = make_api_key(make_user())

        stored = ApiKey.objects.values().get(pk=key.pk)

        assert secret not in str(stored)
        assert stored["secret_sha256"] == hashlib.sha256(secret.encode()).hexdigest()

    @pytest.mark.parametrize("scopes", [[], ["everything"], ["chat", "admin"]])
    def test_refuses_unknown_scopes(self, scopes: list[str]) -> None:
        with pytest.raises(InvalidInput) as caught:
            create_api_key(user=make_user(), name="A key", scopes=scopes)

        assert "scopes" in caught.value.fields

    def test_refuses_a_time_that_has_passed(self) -> None:
        yesterday = timezone.now() - timedelta(days=1)

        with pytest.raises(InvalidInput) as caught:
            create_api_key(user=make_user(), name="A key", scopes=["chat"], expires_at=yesterday)

        assert "expires_at" in caught.value.fields

    def test_has_a_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api_keys, "KEYS_PER_USER", 1)
        user = make_user()
        make_api_key(user)

        with pytest.raises(Conflict) as caught:
            make_api_key(user)

        assert caught.value.error_code == "too-many-keys"


class TestAuthenticate:
    def test_gives_person_and_scopes(self) -> None:
        user = make_user()
        _, secret = make_api_key(user, Scope.CHAT)

        assert authenticate(secret) == (user, frozenset({"chat"}))

    @pytest.mark.parametrize("secret", ["", "bst_", "bst_wrong", "täst"])
    def test_refuses_what_is_no_key(self, secret: str) -> None:
        with pytest.raises(NotAuthenticated) as caught:
            authenticate(secret)

        assert caught.value.error_code == "api-key-invalid"

    def test_refuses_a_revoked_key(self) -> None:
        user = make_user()
        key, secret = make_api_key(user)
        revoke_api_key(user=user, key_id=key.pk)

        with pytest.raises(NotAuthenticated) as caught:
            authenticate(secret)

        assert caught.value.error_code == "api-key-revoked"

    def test_refuses_an_expired_key(self) -> None:
        key, secret = make_api_key(make_user())
        ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())

        with pytest.raises(NotAuthenticated) as caught:
            authenticate(secret)

        assert caught.value.error_code == "api-key-expired"

    def test_refuses_the_key_of_a_closed_account(self) -> None:
        _, secret = make_api_key(make_user())
        User.objects.update(is_active=False)

        with pytest.raises(NotAuthenticated) as caught:
            authenticate(secret)

        assert caught.value.error_code == "api-key-revoked"

    def test_notes_its_use_once_a_minute(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        key, secret = make_api_key(make_user())

        with django_assert_num_queries(2):
            authenticate(secret)
        with django_assert_num_queries(1):
            authenticate(secret)

        key.refresh_from_db()
        assert key.last_used_at is not None


class TestRevokeApiKey:
    def test_may_happen_twice(self) -> None:
        user = make_user()
        key, _ = make_api_key(user)
        revoke_api_key(user=user, key_id=key.pk)

        revoke_api_key(user=user, key_id=key.pk)

        key.refresh_from_db()
        assert key.revoked_at is not None

    def test_does_not_find_somebody_elses_key(self) -> None:
        key, _ = make_api_key(make_user())

        with pytest.raises(NotFound):
            revoke_api_key(user=make_user(), key_id=key.pk)

    def test_does_not_find_what_there_is_not(self) -> None:
        with pytest.raises(NotFound):
            revoke_api_key(user=make_user(), key_id=uuid.uuid4())
