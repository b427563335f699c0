import pytest
from django.test import Client
from pytest_django import Settings

from chatbot.accounts.models import Scope, User
from chatbot.accounts.services.tokens import issue_tokens
from tests.api.problems import check_is_problem
from tests.factories.accounts import PASSWORD, make_api_key, make_group, make_user

pytestmark = pytest.mark.django_db
JSON = "application/json"
NEW_PASSWORD = "another-battery-staple"  # noqa: S105
NEW_ACCOUNT = {"email": "new@example.com", "password": NEW_PASSWORD, "name": "새 사람"}


def browser() -> Client:
    """A client that is asked for the CSRF token, as browsers are."""
    return Client(enforce_csrf_checks=True)


def csrf(client: Client) -> dict[str, str]:
    token = client.get("/api/v1/auth/csrf").json()["csrf_token"]
    return {"X-CSRFToken": token}


def bearer(credential: str) -> Client:
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {credential}"})


def credentials(user: User, password: str = PASSWORD) -> dict[str, str]:
    return {"email": user.email, "password": password}


def log_in(client: Client, user: User) -> None:
    response = client.post(
        "/api/v1/auth/login", credentials(user), content_type=JSON, headers=csrf(client)
    )
    assert response.status_code == 200


class TestLogin:
    def test_starts_a_session(self) -> None:
        user, client = make_user(), browser()

        log_in(client, user)

        assert client.get("/api/v1/auth/me").json()["email"] == user.email

    def test_sets_a_cookie_that_scripts_and_other_sites_do_not_get(self) -> None:
        client = browser()

        log_in(client, make_user())

        cookie = client.cookies["sessionid"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"

    def test_needs_the_csrf_token(self) -> None:
        response = browser().post("/api/v1/auth/login", credentials(make_user()), content_type=JSON)

        check_is_problem(response, 403, "csrf-failed")

    def test_refuses_wrong_credentials(self) -> None:
        client = browser()

        response = client.post(
            "/api/v1/auth/login",
            credentials(make_user(), "wrong"),
            content_type=JSON,
            headers=csrf(client),
        )

        check_is_problem(response, 401, "wrong-credentials")

    def test_is_limited(self) -> None:
        user, client = make_user(), Client()
        wrong = credentials(user, "wrong")
        for _ in range(10):
            client.post("/api/v1/auth/login", wrong, content_type=JSON)

        response = client.post("/api/v1/auth/login", credentials(user), content_type=JSON)

        check_is_problem(response, 429, "too-many-tries")
        assert int(response["Retry-After"]) > 0

    def test_counts_by_the_address_that_the_front_door_saw(self) -> None:
        user = make_user()
        wrong = credentials(user, "wrong")
        for number in range(10):
            forged = {"X-Forwarded-For": f"198.51.100.{number}, 192.0.2.7"}
            Client().post("/api/v1/auth/login", wrong, content_type=JSON, headers=forged)

        response = Client().post(
            "/api/v1/auth/login",
            wrong,
            content_type=JSON,
            headers={"X-Forwarded-For": "198.51.100.99, 192.0.2.7"},
        )

        check_is_problem(response, 429, "too-many-tries")


class TestSession:
    def test_changes_nothing_without_the_csrf_token(self) -> None:
        client = browser()
        log_in(client, make_user())

        response = client.post("/api/v1/brains", {"name": "New"}, content_type=JSON)

        check_is_problem(response, 403, "csrf-failed")

    def test_takes_the_token_from_the_header_only(self) -> None:
        client = browser()
        log_in(client, make_user())
        token = csrf(client)["X-CSRFToken"]

        response = client.post("/api/v1/auth/logout", {"csrfmiddlewaretoken": token})

        check_is_problem(response, 403, "csrf-failed")

    def test_changes_things_with_the_csrf_token(self) -> None:
        client = browser()
        log_in(client, make_user())

        response = client.post(
            "/api/v1/brains", {"name": "New"}, content_type=JSON, headers=csrf(client)
        )

        assert response.status_code == 201

    def test_ends_with_logout(self) -> None:
        client = browser()
        log_in(client, make_user())

        response = client.post("/api/v1/auth/logout", headers=csrf(client))

        assert response.status_code == 204
        check_is_problem(client.get("/api/v1/auth/me"), 401, "not-authenticated")

    def test_ends_with_the_account(self) -> None:
        client = browser()
        log_in(client, make_user())
        User.objects.update(is_active=False)

        check_is_problem(client.get("/api/v1/auth/me"), 401, "not-authenticated")


class TestSignUp:
    def test_makes_an_account_and_signs_in(self, settings: Settings) -> None:
        settings.SIGN_UP_OPEN = True
        client = browser()

        response = client.post(
            "/api/v1/auth/sign-up", NEW_ACCOUNT, content_type=JSON, headers=csrf(client)
        )

        assert response.status_code == 201
        assert response.json()["role"] == "member"
        assert client.get("/api/v1/auth/me").json()["name"] == "새 사람"

    def test_can_be_closed(self, settings: Settings) -> None:
        settings.SIGN_UP_OPEN = False

        response = Client().post("/api/v1/auth/sign-up", NEW_ACCOUNT, content_type=JSON)

        check_is_problem(response, 403, "sign-up-closed")

    def test_never_makes_an_admin(self, settings: Settings) -> None:
        settings.SIGN_UP_OPEN = True
        wanted = {**NEW_ACCOUNT, "role": "admin", "is_superuser": True}

        response = Client().post("/api/v1/auth/sign-up", wanted, content_type=JSON)

        assert response.json()["role"] == "member"


class TestTokens:
    def test_are_given_for_a_password_and_open_the_api(self) -> None:
        user = make_user()

        tokens = Client().post("/api/v1/auth/token", credentials(user), content_type=JSON).json()

        assert set(tokens) == {"access", "refresh", "expires_in"}
        assert bearer(tokens["access"]).get("/api/v1/auth/me").json()["id"] == str(user.pk)

    def test_need_no_csrf_token(self) -> None:
        client = bearer(issue_tokens(user=make_user()).access)

        response = client.post("/api/v1/brains", {"name": "New"}, content_type=JSON)

        assert response.status_code == 201

    def test_are_renewed_once(self) -> None:
        old = {"refresh": issue_tokens(user=make_user()).refresh}
        client = Client()

        first = client.post("/api/v1/auth/token/refresh", old, content_type=JSON)
        second = client.post("/api/v1/auth/token/refresh", old, content_type=JSON)

        assert first.status_code == 200
        check_is_problem(second, 401, "token-reused")

    def test_that_are_wrong_are_refused_with_how_to_sign_in(self) -> None:
        response = bearer("wrong").get("/api/v1/auth/me")

        check_is_problem(response, 401, "token-invalid")
        assert response["WWW-Authenticate"].startswith("Bearer")

    def test_that_are_wrong_are_refused_despite_a_session(self) -> None:
        client = Client(headers={"Authorization": "Bearer wrong"})
        client.force_login(make_user())

        check_is_problem(client.get("/api/v1/auth/me"), 401, "token-invalid")

    def test_of_another_scheme_are_no_credentials(self) -> None:
        client = Client(headers={"Authorization": "Basic a2ltOnNlY3JldA=="})

        check_is_problem(client.get("/api/v1/auth/me"), 401, "not-authenticated")


class TestMe:
    def test_shows_role_language_and_groups(self) -> None:
        user = make_user(name="Kim", is_admin=True)
        group = make_group(user, name="Anatomists")
        client = Client()
        client.force_login(user)

        assert client.get("/api/v1/auth/me").json() == {
            "id": str(user.pk),
            "email": user.email,
            "name": "Kim",
            "language": "en",
            "role": "admin",
            "groups": [{"id": group.pk, "name": "Anatomists"}],
        }

    def test_changes_name_and_language_and_nothing_else(self) -> None:
        user, client = make_user(), Client()
        client.force_login(user)
        wanted = {"name": "Lee", "language": "ko", "email": "x@example.com", "role": "admin"}

        changed = client.patch("/api/v1/auth/me", wanted, content_type=JSON).json()

        assert (changed["name"], changed["language"]) == ("Lee", "ko")
        assert (changed["email"], changed["role"]) == (user.email, "member")


class TestPassword:
    def test_ends_other_sessions_and_tokens_but_not_this_session(self) -> None:
        user = make_user()
        here, elsewhere = Client(), Client()
        here.force_login(user)
        elsewhere.force_login(user)
        token = bearer(issue_tokens(user=user).access)

        response = here.post(
            "/api/v1/auth/password",
            {"current": PASSWORD, "new": NEW_PASSWORD},
            content_type=JSON,
        )

        assert response.status_code == 204
        assert here.get("/api/v1/auth/me").status_code == 200
        assert elsewhere.get("/api/v1/auth/me").status_code == 401
        assert token.get("/api/v1/auth/me").status_code == 401


class TestApiKeys:
    def test_are_shown_once(self) -> None:
        client = Client()
        client.force_login(make_user())
        wanted = {"name": "Script", "scopes": ["brains:read"]}

        made = client.post("/api/v1/auth/api-keys", wanted, content_type=JSON).json()

        assert made["key"].startswith(made["prefix"])
        listed = client.get("/api/v1/auth/api-keys").json()["results"]
        assert [key["id"] for key in listed] == [made["id"]]
        assert "key" not in listed[0]

    def test_open_what_their_scopes_say(self) -> None:
        _, secret = make_api_key(make_user(), Scope.BRAINS_READ)
        client = bearer(secret)

        assert client.get("/api/v1/brains").status_code == 200
        check_is_problem(
            client.post("/api/v1/brains", {"name": "x"}, content_type=JSON), 403, "scope-missing"
        )

    def test_manage_neither_keys_nor_accounts(self) -> None:
        _, secret = make_api_key(make_user())
        client = bearer(secret)

        check_is_problem(client.get("/api/v1/auth/api-keys"), 403, "key-not-accepted")
        check_is_problem(
            client.patch("/api/v1/auth/me", {"name": "x"}, content_type=JSON),
            403,
            "key-not-accepted",
        )

    def test_that_are_revoked_are_refused(self) -> None:
        user = make_user()
        key, secret = make_api_key(user)
        client = Client()
        client.force_login(user)

        response = client.delete(f"/api/v1/auth/api-keys/{key.pk}")

        assert response.status_code == 204
        check_is_problem(bearer(secret).get("/api/v1/brains"), 401, "api-key-revoked")


class TestGroups:
    def test_are_ones_own(self) -> None:
        user, client = make_user(), Client()
        mine = make_group(user)
        make_group()
        client.force_login(user)

        listed = client.get("/api/v1/groups").json()["results"]

        assert listed == [{"id": mine.pk, "name": mine.name}]

    def test_are_all_for_an_admin(self) -> None:
        client = Client()
        make_group()
        client.force_login(make_user(is_admin=True))

        assert client.get("/api/v1/groups").json()["count"] == 1


class TestRequestThrottle:
    def test_limits_each_person(self, settings: Settings) -> None:
        settings.REQUEST_LIMIT_PER_MINUTE = 2
        busy, other = Client(), Client()
        busy.force_login(make_user())
        other.force_login(make_user())
        for _ in range(2):
            busy.get("/api/v1/brains")

        response = busy.get("/api/v1/brains")

        check_is_problem(response, 429, "too-many-requests")
        assert 0 < int(response["Retry-After"]) <= 60
        assert other.get("/api/v1/brains").status_code == 200

    def test_limits_an_address_that_is_not_signed_in(self, settings: Settings) -> None:
        settings.REQUEST_LIMIT_PER_MINUTE = 1
        Client().get("/api/v1/site")

        check_is_problem(Client().get("/api/v1/site"), 429, "too-many-requests")

    def test_never_counts_health_checks(self, settings: Settings) -> None:
        settings.REQUEST_LIMIT_PER_MINUTE = 1

        statuses = [Client().get("/api/v1/readyz").status_code for _ in range(3)]

        assert statuses == [200] * 3
