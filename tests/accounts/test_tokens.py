import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chatbot.accounts.models import RefreshToken, User
from chatbot.accounts.services import tokens
from chatbot.accounts.services.tokens import (
    end_sessions,
    issue_tokens,
    refresh_tokens,
    user_of_access_token,
)
from chatbot.contracts.errors import NotAuthenticated
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


def code_of(call: Callable[..., object], *args: object, **kwargs: object) -> str:
    """The code of the NotAuthenticated that the call raises."""
    with pytest.raises(NotAuthenticated) as caught:
        call(*args, **kwargs)
    return caught.value.error_code


def forged(user: User, *, key: bytes | str | None = None, **changes: object) -> str:
    """An access token like ours but for the changes."""
    now = timezone.now()
    algorithm = changes.pop("algorithm", tokens.ALGORITHM)
    claims = {
        "iss": tokens.ISSUER,
        "aud": tokens.ACCESS_AUDIENCE,
        "sub": str(user.pk),
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "ver": tokens._version(user),
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, tokens._key() if key is None else key, algorithm=str(algorithm))


class TestUserOfAccessToken:
    def test_is_the_one_it_was_issued_to(self) -> None:
        user = make_user()

        assert user_of_access_token(issue_tokens(user=user).access) == user

    def test_accepts_what_our_forger_makes_without_changes(self) -> None:
        user = make_user()

        assert user_of_access_token(forged(user)) == user

    def test_asks_the_database_once(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        access = issue_tokens(user=make_user()).access

        with django_assert_num_queries(1):
            user_of_access_token(access)

    def test_lives_ten_minutes_at_most(self) -> None:
        issued = issue_tokens(user=make_user())

        claims = jwt.decode(issued.access, options={"verify_signature": False})

        assert claims["exp"] - claims["iat"] == issued.expires_in <= 600

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"exp": timezone.now() - timedelta(minutes=1)}, "token-expired"),
            ({"aud": tokens.REFRESH_AUDIENCE}, "token-invalid"),
            ({"aud": None}, "token-invalid"),
            ({"iss": "somebody-else"}, "token-invalid"),
            ({"ver": None}, "token-invalid"),
            ({"exp": None}, "token-invalid"),
            ({"ver": "0" * 32}, "token-revoked"),
            ({"ver": 1}, "token-revoked"),
            ({"sub": str(uuid.uuid4())}, "token-revoked"),
            ({"sub": "nobody"}, "token-invalid"),
            ({"key": "x" * 64}, "token-invalid"),
            ({"algorithm": "none", "key": ""}, "token-invalid"),
            ({"algorithm": "HS512"}, "token-invalid"),
        ],
        ids=[
            "expired",
            "a refresh token's audience",
            "no audience",
            "another issuer",
            "no version",
            "no end",
            "an old version",
            "a version of another kind",
            "a person who is gone",
            "no id",
            "another key",
            "no signature",
            "another algorithm",
        ],
    )
    @pytest.mark.filterwarnings("ignore:The HMAC key is")
    def test_is_refused_with(self, changes: dict[str, Any], code: str) -> None:
        token = forged(make_user(), **changes)

        assert code_of(user_of_access_token, token) == code

    @pytest.mark.parametrize("token", ["", "a.b.c", "x" * 5000], ids=["empty", "parts", "long"])
    def test_is_refused_when_it_is_no_token(self, token: str) -> None:
        assert code_of(user_of_access_token, token) == "token-invalid"

    def test_ends_with_the_account(self) -> None:
        user = make_user()
        access = issue_tokens(user=user).access
        User.objects.update(is_active=False)

        assert code_of(user_of_access_token, access) == "token-revoked"

    def test_ends_with_the_password_wherever_that_is_changed(self) -> None:
        user = make_user()
        access = issue_tokens(user=user).access
        user.set_password("another-battery-staple")
        user.save()

        assert code_of(user_of_access_token, access) == "token-revoked"

    def test_is_never_a_refresh_token(self) -> None:
        refresh = issue_tokens(user=make_user()).refresh

        assert code_of(user_of_access_token, refresh) == "token-invalid"


class TestRefreshTokens:
    def test_give_the_next_pair(self) -> None:
        user = make_user()
        issued = issue_tokens(user=user)

        following = refresh_tokens(refresh=issued.refresh)

        assert user_of_access_token(following.access) == user
        assert following.refresh != issued.refresh

    def test_work_as_a_long_chain(self) -> None:
        issued = issue_tokens(user=make_user())

        third = refresh_tokens(refresh=refresh_tokens(refresh=issued.refresh).refresh)

        assert third.access
        assert RefreshToken.objects.values("family").distinct().count() == 1

    def test_end_the_whole_chain_when_one_is_used_twice(self) -> None:
        issued = issue_tokens(user=make_user())
        following = refresh_tokens(refresh=issued.refresh)

        assert code_of(refresh_tokens, refresh=issued.refresh) == "token-reused"
        assert code_of(refresh_tokens, refresh=following.refresh) == "token-revoked"

    def test_leave_other_chains_alone_when_one_is_ended(self) -> None:
        user = make_user()
        stolen, other = issue_tokens(user=user), issue_tokens(user=user)
        refresh_tokens(refresh=stolen.refresh)

        code_of(refresh_tokens, refresh=stolen.refresh)

        assert refresh_tokens(refresh=other.refresh).access

    def test_expire(self, settings: Settings) -> None:
        settings.REFRESH_TOKEN_SECONDS = -60
        issued = issue_tokens(user=make_user())

        assert code_of(refresh_tokens, refresh=issued.refresh) == "token-expired"

    def test_are_never_access_tokens(self) -> None:
        issued = issue_tokens(user=make_user())

        assert code_of(refresh_tokens, refresh=issued.access) == "token-invalid"

    def test_are_worth_nothing_once_their_row_is_gone(self) -> None:
        issued = issue_tokens(user=make_user())
        RefreshToken.objects.all().delete()

        assert code_of(refresh_tokens, refresh=issued.refresh) == "token-invalid"


class TestEndSessions:
    def test_ends_access_and_refresh_tokens(self) -> None:
        user = make_user()
        issued = issue_tokens(user=user)

        end_sessions(user=user)

        assert code_of(user_of_access_token, issued.access) == "token-revoked"
        assert code_of(refresh_tokens, refresh=issued.refresh) == "token-revoked"

    def test_changes_what_sessions_are_checked_by(self) -> None:
        user = make_user()
        before = user.get_session_auth_hash()

        end_sessions(user=user)

        assert user.get_session_auth_hash() != before

    def test_leaves_other_people_alone(self) -> None:
        other = make_user()
        issued = issue_tokens(user=other)

        end_sessions(user=make_user())

        assert user_of_access_token(issued.access) == other


class TestHousekeeping:
    def test_forgets_what_nobody_can_use_any_more(self) -> None:
        now = timezone.now()
        user = make_user()
        for days, key in ((-1, "past"), (1, "future")):
            expires_at = now + timedelta(days=days)
            Session.objects.create(session_key=key, expire_date=expires_at)
            RefreshToken.objects.create(user=user, family=uuid.uuid4(), expires_at=expires_at)

        removed = tokens.remove_expired_sessions(), tokens.remove_expired_links()

        assert removed == (1, 1)
        assert Session.objects.get().session_key == "future"
        assert RefreshToken.objects.get().expires_at > now
