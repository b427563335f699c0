"""Each error has a code and a status, and one form."""

from collections.abc import Iterator

import pytest
from django.core import exceptions as django_exceptions
from django.db import OperationalError, connection
from django.http import Http404, UnreadablePostError
from django.test import Client, RequestFactory
from django.test.utils import override_settings
from psycopg import errors as postgres_errors
from rest_framework import exceptions as drf_exceptions

from chatbot.api import errors
from chatbot.api.foreign_errors import as_app_error
from chatbot.contracts.errors import (
    AppError,
    ChecksumDiffers,
    Conflict,
    DocumentFault,
    Gone,
    InvalidInput,
    KeyReused,
    LimitReached,
    Locked,
    MethodNotAllowed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PreconditionFailed,
    TooLarge,
    Unavailable,
    UnsupportedType,
)
from chatbot.contracts.problems import STATUSES
from tests.api.problems import body_of, check_is_problem
from tests.factories.accounts import make_user

JSON = "application/json"
ABSENT = "/api/v1/brains/00000000-0000-0000-0000-000000000000"


def signed_in() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    return client


class TestTable:
    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [
            (InvalidInput("x"), 400, "invalid-input"),
            (NotAuthenticated("x"), 401, "not-authenticated"),
            (NotAllowed("x"), 403, "not-allowed"),
            (NotFound("x"), 404, "not-found"),
            (MethodNotAllowed("x"), 405, "method-not-allowed"),
            (Conflict("x"), 409, "conflict"),
            (Gone("x"), 410, "gone"),
            (PreconditionFailed("x"), 412, "precondition-failed"),
            (TooLarge("x"), 413, "too-large"),
            (UnsupportedType("x"), 415, "type-unsupported"),
            (DocumentFault("x"), 422, "file-broken"),
            (KeyReused("x"), 422, "idempotency-key-reused"),
            (Locked("x"), 423, "locked"),
            (ChecksumDiffers("x"), 460, "checksum-differs"),
            (LimitReached("x", retry_after_seconds=3), 429, "limit-reached"),
            (AppError("x"), 500, "internal-error"),
            (Unavailable("x"), 503, "unavailable"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, AppError) else None,
    )
    def test_gives_each_error_its_status_and_code(
        self, error: AppError, status: int, code: str
    ) -> None:
        check_is_problem(errors.respond(error), status, code)

    def test_knows_the_whole_family(self) -> None:
        family = {AppError, *AppError.__subclasses__()}

        assert family - set(STATUSES) == set()

    def test_says_when_to_come_back(self) -> None:
        response = errors.respond(LimitReached("x", retry_after_seconds=7))

        assert response["Retry-After"] == "7"
        assert body_of(response)["retry_after_seconds"] == 7

    def test_says_how_to_sign_in(self) -> None:
        assert errors.respond(NotAuthenticated("x"))["WWW-Authenticate"].startswith("Bearer")

    def test_names_the_fields(self) -> None:
        response = errors.respond(InvalidInput("x", fields={"name": ["Too long."]}))

        assert body_of(response)["fields"] == {"name": ["Too long."]}


class TestAsAppError:
    @pytest.mark.parametrize(
        ("exception", "kind", "code"),
        [
            (OperationalError("connection refused"), Unavailable, "database-unavailable"),
            (drf_exceptions.ParseError(), InvalidInput, "body-malformed"),
            (drf_exceptions.NotAuthenticated(), NotAuthenticated, "not-authenticated"),
            (drf_exceptions.AuthenticationFailed(), NotAuthenticated, "not-authenticated"),
            (drf_exceptions.PermissionDenied(), NotAllowed, "not-allowed"),
            (drf_exceptions.NotFound(), NotFound, "not-found"),
            (drf_exceptions.MethodNotAllowed("PUT"), MethodNotAllowed, "method-not-allowed"),
            (
                drf_exceptions.UnsupportedMediaType("text/plain"),
                UnsupportedType,
                "media-type-unsupported",
            ),
            (drf_exceptions.Throttled(wait=2.5), LimitReached, "limit-reached"),
            (drf_exceptions.APIException(), AppError, "internal-error"),
            (Http404(), NotFound, "not-found"),
            (django_exceptions.PermissionDenied(), NotAllowed, "not-allowed"),
            (django_exceptions.RequestDataTooBig(), TooLarge, "too-large"),
            (django_exceptions.TooManyFilesSent(), InvalidInput, "request-malformed"),
            (django_exceptions.DisallowedHost(), InvalidInput, "request-malformed"),
            (django_exceptions.BadRequest(), InvalidInput, "request-malformed"),
            (UnreadablePostError(), InvalidInput, "body-incomplete"),
            (ZeroDivisionError("secret"), AppError, "internal-error"),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
    )
    def test_finds_the_member_of_the_family(
        self, exception: Exception, kind: type[AppError], code: str
    ) -> None:
        error = as_app_error(exception)

        assert (type(error), error.error_code) == (kind, code)

    def test_tells_a_busy_database_from_one_that_is_away(self) -> None:
        busy = OperationalError("deadlock detected")
        busy.__cause__ = postgres_errors.DeadlockDetected()

        assert as_app_error(busy).error_code == "database-busy"

    def test_flattens_the_messages_of_nested_fields(self) -> None:
        nested = drf_exceptions.ValidationError({"members": [{}, {"email": ["Wrong."]}]})

        error = as_app_error(nested)

        assert isinstance(error, InvalidInput)
        assert error.fields == {"members.1.email": ["Wrong."]}


@pytest.mark.django_db
class TestApi:
    def test_answers_404_at_an_address_that_is_none(self) -> None:
        check_is_problem(Client().get("/api/v1/nothing"), 404, "not-found")

    def test_answers_404_for_what_is_absent(self) -> None:
        check_is_problem(signed_in().get(ABSENT), 404, "not-found")

    def test_answers_404_for_a_page_beyond_the_last(self) -> None:
        check_is_problem(signed_in().get("/api/v1/brains?page=2"), 404, "not-found")

    def test_answers_405_with_the_methods_there_are(self) -> None:
        response = signed_in().put("/api/v1/brains", {}, content_type=JSON)

        check_is_problem(response, 405, "method-not-allowed")
        assert "POST" in response["Allow"]

    @pytest.mark.parametrize(
        ("body", "content_type", "status", "code"),
        [
            ("{", JSON, 400, "body-malformed"),
            ("[]", JSON, 400, "invalid-input"),
            ("{}", JSON, 400, "invalid-input"),
            ("name=x", "application/x-www-form-urlencoded", 415, "media-type-unsupported"),
            ('{"name": "' + "x" * 2_000_000 + '"}', JSON, 413, "too-large"),
            ('{"name": "a\\u0000b"}', JSON, 400, "invalid-input"),
        ],
        ids=["half", "a list", "empty", "a form", "large", "a NUL"],
    )
    def test_refuses_a_body_that_is(
        self, body: str, content_type: str, status: int, code: str
    ) -> None:
        response = signed_in().post("/api/v1/brains", body, content_type=content_type)

        check_is_problem(response, status, code)

    def test_refuses_a_search_with_a_nul(self) -> None:
        check_is_problem(signed_in().get("/api/v1/brains?search=%00"), 400, "invalid-input")

    def test_names_what_is_wrong_with_each_field(self) -> None:
        response = signed_in().post("/api/v1/brains", {"model": "x"}, content_type=JSON)

        assert set(response.json()["fields"]) == {"name", "model"}

    def test_answers_in_json_whatever_is_accepted(self) -> None:
        response = signed_in().get("/api/v1/brains", headers={"Accept": "text/html"})

        assert (response.status_code, response["Content-Type"]) == (200, JSON)

    @override_settings(ALLOWED_HOSTS=["elsewhere.example"])
    def test_refuses_a_foreign_host(self) -> None:
        response = Client().get("/api/v1/site", headers={"Host": "wrong.example"})

        check_is_problem(response, 400, "request-malformed")

    def test_leaves_the_pages_of_the_admin_to_django(self) -> None:
        response = Client().get("/nothing")

        assert response.status_code == 404
        assert response["Content-Type"].startswith("text/html")


class TestWhatNobodyForesaw:
    @pytest.mark.django_db
    def test_is_a_500_that_tells_nothing_and_a_line_in_the_log(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(**_: object) -> None:
            raise ZeroDivisionError("a secret")

        client = signed_in()
        monkeypatch.setattr("chatbot.brains.api.views.find_brains", fail)

        response = client.get("/api/v1/brains")

        check_is_problem(response, 500, "internal-error")
        assert b"secret" not in response.content
        assert "BrainsView failed" in caplog.text
        assert "ZeroDivisionError" in caplog.text

    def test_outside_of_the_api_is_djangos_page(self) -> None:
        request = RequestFactory().get("/admin/")

        assert errors.server_error(request).status_code == 500

    def test_outside_of_a_view_is_a_problem_too(self) -> None:
        request = RequestFactory().get("/api/v1/site")

        check_is_problem(errors.server_error(request), 500, "internal-error")


@pytest.fixture
def database_is_away() -> Iterator[None]:
    """Connections to the database are refused until the test ends."""
    port = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = "1"
    yield
    connection.close()
    connection.settings_dict["PORT"] = port


@pytest.mark.django_db(transaction=True)
class TestWithoutDatabase:
    def test_the_api_is_unavailable_for_now(self, request: pytest.FixtureRequest) -> None:
        client = signed_in()
        request.getfixturevalue("database_is_away")

        response = client.get("/api/v1/brains")

        check_is_problem(response, 503, "database-unavailable")
        assert int(response["Retry-After"]) > 0

    def test_the_admin_says_so_in_words(self, request: pytest.FixtureRequest) -> None:
        client = signed_in()
        request.getfixturevalue("database_is_away")

        response = client.get("/admin/")

        assert response.status_code == 503
        assert response["Content-Type"].startswith("text/plain")

    def test_the_process_lives_but_is_not_ready(self, request: pytest.FixtureRequest) -> None:
        request.getfixturevalue("database_is_away")

        statuses = [Client().get(f"/api/v1/{name}").status_code for name in ("healthz", "readyz")]

        assert statuses == [200, 503]

    def test_works_again_when_it_is_back(self, request: pytest.FixtureRequest) -> None:
        client = signed_in()
        port = connection.settings_dict["PORT"]
        request.getfixturevalue("database_is_away")
        client.get("/api/v1/brains")
        connection.settings_dict["PORT"] = port

        assert client.get("/api/v1/brains").status_code == 200
