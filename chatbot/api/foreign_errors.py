"""What Django, DRF and the database raise, as errors of our own family."""

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core import exceptions as django_exceptions
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from psycopg import errors as postgres_errors
from rest_framework import exceptions as drf_exceptions

from chatbot.contracts.errors import (
    AppError,
    InvalidInput,
    LimitReached,
    MethodNotAllowed,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
    UnsupportedType,
)


def as_app_error(exception: BaseException) -> AppError:
    """Our own error for whatever was raised; `AppError` itself for what nobody foresaw."""
    if isinstance(exception, AppError):
        return exception
    return next(
        (make(exception) for kind, make in _TRANSLATIONS if isinstance(exception, kind)),
        unforeseen(),
    )


def unforeseen() -> AppError:
    return AppError(
        "Something went wrong on our side.",
        way_out="Try again; if it stays, tell an administrator when it happened.",
    )


_BUSY: Final = (
    postgres_errors.QueryCanceled,
    postgres_errors.LockNotAvailable,
    postgres_errors.DeadlockDetected,
    postgres_errors.SerializationFailure,
)


def _of_database(exception: BaseException) -> AppError:
    if isinstance(exception.__cause__, _BUSY):
        return Unavailable(
            "The database is too busy for this right now.",
            code="database-busy",
            way_out="Try again in a moment.",
            retry_after_seconds=2,
        )
    return Unavailable(
        "The database can't be reached right now.",
        code="database-unavailable",
        way_out="Try again in a moment; nothing that was accepted is lost.",
    )


def _not_valid(exception: Any) -> AppError:  # noqa: ANN401 - DRF's ValidationError, see the table
    return InvalidInput(
        "Some of the input is not valid.",
        way_out="Correct the fields that are named.",
        fields=_fields(exception.detail),
    )


def _fields(detail: object, path: str = "") -> dict[str, list[str]]:
    """DRF's nested messages as a flat map: `{"members.0.email": ["…"]}`."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            found.update(_fields(inner, f"{path}.{name}" if path else str(name)))
        return found
    if isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        return _fields(dict(enumerate(detail)), path)
    messages = detail if isinstance(detail, list) else [detail]
    return {path or "body": [str(message) for message in messages]}


def _body_malformed(_: BaseException) -> AppError:
    return InvalidInput(
        "The body can't be read.",
        code="body-malformed",
        way_out="Send what the header Content-Type promises.",
    )


def _body_incomplete(_: BaseException) -> AppError:
    return InvalidInput(
        "The body ended before it was complete.",
        code="body-incomplete",
        way_out="Send the request again.",
    )


def _body_too_large(_: BaseException) -> AppError:
    return TooLarge(
        "The body is larger than the limit.",
        way_out=f"Send at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes beside files.",
    )


def _request_malformed(_: BaseException) -> AppError:
    return InvalidInput("The request is malformed.", code="request-malformed")


def _not_signed_in(_: BaseException) -> AppError:
    return NotAuthenticated("This needs somebody who is signed in.", way_out="Sign in.")


def _not_allowed(_: BaseException) -> AppError:
    return NotAllowed("This is not allowed.", way_out="Ask an administrator.")


def _not_found(_: BaseException) -> AppError:
    return NotFound("There is nothing at this address.", way_out="Check the address.")


def _method_not_allowed(_: BaseException) -> AppError:
    return MethodNotAllowed(
        "This address does not take this method.",
        way_out="The header Allow lists the methods.",
    )


def _media_type_unsupported(_: BaseException) -> AppError:
    return UnsupportedType(
        "This address does not take a body of this type.",
        code="media-type-unsupported",
        way_out="Send JSON, or multipart/form-data where a file is expected.",
    )


def _throttled(exception: Any) -> AppError:  # noqa: ANN401 - DRF's Throttled, see the table
    wait: float | None = getattr(exception, "wait", None)
    return LimitReached("Too many requests.", retry_after_seconds=max(1, round(wait or 1)))


_TRANSLATIONS: Final[tuple[tuple[type[BaseException], Callable[[Any], AppError]], ...]] = (
    (OperationalError, _of_database),
    (InterfaceError, _of_database),
    (drf_exceptions.ValidationError, _not_valid),
    (drf_exceptions.ParseError, _body_malformed),
    (drf_exceptions.NotAuthenticated, _not_signed_in),
    (drf_exceptions.AuthenticationFailed, _not_signed_in),
    (drf_exceptions.PermissionDenied, _not_allowed),
    (drf_exceptions.NotFound, _not_found),
    (drf_exceptions.MethodNotAllowed, _method_not_allowed),
    (drf_exceptions.UnsupportedMediaType, _media_type_unsupported),
    (drf_exceptions.Throttled, _throttled),
    (Http404, _not_found),
    (django_exceptions.PermissionDenied, _not_allowed),
    (django_exceptions.RequestDataTooBig, _body_too_large),
    (django_exceptions.BadRequest, _request_malformed),
    (django_exceptions.SuspiciousOperation, _request_malformed),
    (UnreadablePostError, _body_incomplete),
)
"""The first row that fits decides."""
