import logging

import pytest

from chatbot.accounts.models import User
from chatbot.accounts.services import sign_in
from chatbot.accounts.services.sign_in import check_credentials
from chatbot.contracts.errors import LimitReached, NotAuthenticated
from tests.factories.accounts import PASSWORD, make_user

pytestmark = pytest.mark.django_db
ADDRESS = "192.0.2.7"


def fail(email: str = "somebody@example.com", *, times: int = 1, address: str = ADDRESS) -> None:
    for _ in range(times):
        with pytest.raises(NotAuthenticated):
            check_credentials(email=email, password="wrong", address=address)  # noqa: S106


class TestCheckCredentials:
    @pytest.mark.parametrize("email", ["kim@example.com", "KIM@Example.com", " kim@example.com "])
    def test_knows_people_by_their_address_in_any_case(self, email: str) -> None:
        user = make_user(email="kim@example.com")

        assert check_credentials(email=email, password=PASSWORD, address=ADDRESS) == user

    @pytest.mark.parametrize("email", ["kim@example.com", "nobody@example.com"])
    def test_does_not_tell_whether_an_address_is_known(self, email: str) -> None:
        make_user(email="kim@example.com")

        with pytest.raises(NotAuthenticated) as caught:
            check_credentials(email=email, password="wrong", address=ADDRESS)  # noqa: S106

        assert caught.value.error_code == "wrong-credentials"

    def test_refuses_closed_accounts(self) -> None:
        make_user(email="kim@example.com")
        User.objects.update(is_active=False)

        with pytest.raises(NotAuthenticated):
            check_credentials(email="kim@example.com", password=PASSWORD, address=ADDRESS)

    def test_limits_tries_before_it_looks_at_the_password(self) -> None:
        user = make_user()
        fail(user.email, times=sign_in.TRIES_PER_ACCOUNT_AND_ADDRESS)

        with pytest.raises(LimitReached) as caught:
            check_credentials(email=user.email, password=PASSWORD, address=ADDRESS)

        assert caught.value.error_code == "too-many-tries"
        assert 0 < caught.value.retry_after_seconds <= sign_in.WINDOW_SECONDS

    def test_locks_nobody_out_from_another_address(self) -> None:
        user = make_user()
        fail(user.email, times=sign_in.TRIES_PER_ACCOUNT_AND_ADDRESS)

        assert check_credentials(email=user.email, password=PASSWORD, address="192.0.2.8") == user

    def test_limits_an_address_over_all_accounts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sign_in, "TRIES_PER_ADDRESS", 2)
        fail("one@example.com")
        fail("two@example.com")

        with pytest.raises(LimitReached):
            check_credentials(email="three@example.com", password="wrong", address=ADDRESS)  # noqa: S106

    def test_limits_an_account_over_all_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sign_in, "TRIES_PER_ACCOUNT", 2)
        fail(address="192.0.2.1")
        fail(address="192.0.2.2")

        with pytest.raises(LimitReached):
            fail(address="192.0.2.3")

    def test_begins_counting_again_after_success(self) -> None:
        user = make_user()
        fail(user.email, times=sign_in.TRIES_PER_ACCOUNT_AND_ADDRESS - 1)
        check_credentials(email=user.email, password=PASSWORD, address=ADDRESS)

        fail(user.email, times=sign_in.TRIES_PER_ACCOUNT_AND_ADDRESS - 1)

        assert check_credentials(email=user.email, password=PASSWORD, address=ADDRESS) == user

    def test_writes_neither_address_nor_password_to_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)

        fail("secret-person@example.com")

        assert "s***@e***" in caplog.text
        assert "secret-person" not in caplog.text
        assert "wrong" not in caplog.text
