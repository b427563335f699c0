import pytest
from django.core.management import call_command
from pytest_django import Settings

from chatbot.accounts.models import Language, User
from chatbot.accounts.services import users
from chatbot.accounts.services.users import (
    change_password,
    change_profile,
    create_user,
    sign_up,
)
from chatbot.contracts.errors import InvalidInput, LimitReached, NotAllowed
from tests.factories.accounts import PASSWORD, make_user

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "another-battery-staple"  # noqa: S105


def somebody(email: str = "new@example.com", password: str = NEW_PASSWORD) -> User:
    return sign_up(
        email=email, password=password, name="새 사람", language="ko", address="192.0.2.1"
    )


class TestCreateUser:
    def test_makes_a_member(self) -> None:
        user = create_user(email="New@Example.com", password=NEW_PASSWORD, name="Kim")

        assert (user.email, user.role) == ("new@example.com", "member")
        assert user.check_password(NEW_PASSWORD)

    def test_makes_an_admin(self) -> None:
        user = create_user(email="new@example.com", password=NEW_PASSWORD, is_admin=True)

        assert user.role == "admin"
        assert user.is_staff

    def test_refuses_an_address_that_is_taken_in_any_case(self) -> None:
        make_user(email="new@example.com")

        with pytest.raises(InvalidInput) as caught:
            create_user(email="NEW@example.com", password=NEW_PASSWORD)

        assert caught.value.error_code == "email-taken"
        assert "email" in caught.value.fields

    @pytest.mark.parametrize("password", ["short", "password", "1234567890", "new@example.com"])
    def test_refuses_weak_passwords(self, password: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            create_user(email="new@example.com", password=password)

        assert caught.value.error_code == "password-too-weak"
        assert caught.value.fields["password"]

    @pytest.mark.parametrize("email", ["", "nobody", "a@b"])
    def test_refuses_what_is_no_address(self, email: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            create_user(email=email, password=NEW_PASSWORD)

        assert "email" in caught.value.fields


class TestCreateSuperuser:
    def test_works_from_the_command_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", NEW_PASSWORD)

        call_command("createsuperuser", email="Root@example.com", interactive=False, verbosity=0)

        assert User.objects.get(email="root@example.com").role == "admin"


class TestSignUp:
    def test_makes_a_member_where_it_is_open(self, settings: Settings) -> None:
        settings.SIGN_UP_OPEN = True

        assert somebody().language == Language.KOREAN

    def test_is_refused_where_it_is_closed(self, settings: Settings) -> None:
        settings.SIGN_UP_OPEN = False

        with pytest.raises(NotAllowed) as caught:
            somebody()

        assert caught.value.error_code == "sign-up-closed"

    def test_is_limited_for_an_address(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.SIGN_UP_OPEN = True
        monkeypatch.setattr(users, "SIGN_UPS_PER_ADDRESS", 1)
        somebody()

        with pytest.raises(LimitReached):
            somebody("other@example.com")


class TestChangeProfile:
    def test_changes_what_is_given_and_nothing_else(self) -> None:
        user = make_user(name="Kim")

        change_profile(user=user, language="ko")

        user.refresh_from_db()
        assert (user.name, user.language) == ("Kim", "ko")


class TestChangePassword:
    def test_sets_the_new_one_and_ends_what_was_signed_in(self) -> None:
        user = make_user()
        version = user.token_version

        change_password(user=user, current=PASSWORD, new=NEW_PASSWORD)

        user.refresh_from_db()
        assert user.check_password(NEW_PASSWORD)
        assert user.token_version == version + 1

    def test_asks_for_the_current_one(self) -> None:
        with pytest.raises(InvalidInput) as caught:
            change_password(user=make_user(), current="wrong", new=NEW_PASSWORD)

        assert caught.value.error_code == "wrong-password"

    def test_refuses_a_weak_one(self) -> None:
        with pytest.raises(InvalidInput) as caught:
            change_password(user=make_user(), current=PASSWORD, new="short")

        assert "new" in caught.value.fields

    def test_limits_tries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(users, "PASSWORD_TRIES", 0)

        with pytest.raises(LimitReached):
            change_password(user=make_user(), current=PASSWORD, new=NEW_PASSWORD)
