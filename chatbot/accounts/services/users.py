"""Making accounts, and what people change about their own."""

from typing import Final

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from chatbot.accounts.models import Language, User
from chatbot.accounts.services.audit import record
from chatbot.accounts.services.tokens import end_sessions
from chatbot.contracts.errors import InvalidInput, LimitReached, NotAllowed
from chatbot.rate_limits import hit

SIGN_UPS_PER_ADDRESS: Final = 20
SIGN_UP_WINDOW_SECONDS: Final = 3600
PASSWORD_TRIES: Final = 10
PASSWORD_WINDOW_SECONDS: Final = 300


def create_user(
    *,
    email: str,
    password: str,
    name: str = "",
    language: str = Language.ENGLISH,
    is_admin: bool = False,
) -> User:
    """Makes an account.

    Raises:
        InvalidInput: `email-taken`, or a password that is too weak; `fields` says what.
    """
    user = User(email=email.strip().lower(), name=name, language=language, is_superuser=is_admin)
    _check_password(password, user=user, field="password")
    user.set_password(password)
    _clean(user)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise _email_taken() from error
    record("account made", user_id=user.pk, role=user.role)
    return user


def sign_up(*, email: str, password: str, name: str, language: str, address: str) -> User:
    """Makes an account for somebody from outside.

    Raises:
        NotAllowed: `sign-up-closed`.
        LimitReached: too many accounts from this address.
        InvalidInput: as `create_user`.
    """
    if not settings.SIGN_UP_OPEN:
        raise NotAllowed(
            "Signing up is closed here.",
            code="sign-up-closed",
            way_out="Ask an administrator for an account.",
        )
    wait = hit(
        scope="sign-up",
        identity=address,
        limit=SIGN_UPS_PER_ADDRESS,
        window_seconds=SIGN_UP_WINDOW_SECONDS,
    )
    if wait is not None:
        raise LimitReached(
            "Too many accounts were made from this address.",
            code="too-many-tries",
            way_out="Wait, then try again.",
            retry_after_seconds=wait,
        )
    return create_user(email=email, password=password, name=name, language=language)


@transaction.atomic
def change_profile(*, user: User, name: str | None = None, language: str | None = None) -> User:
    """Changes what is given; the rest stays."""
    given = {"name": name, "language": language}
    changes = {field: value for field, value in given.items() if value is not None}
    for field, value in changes.items():
        setattr(user, field, value)
    user.save(update_fields=list(changes))
    return user


def change_password(*, user: User, current: str, new: str) -> User:
    """Sets a new password and ends all sessions and tokens.

    Raises:
        InvalidInput: the current password is wrong or the new one too weak; `fields` says which.
        LimitReached: too many wrong tries.
    """
    wait = hit(
        scope="password",
        identity=str(user.pk),
        limit=PASSWORD_TRIES,
        window_seconds=PASSWORD_WINDOW_SECONDS,
    )
    if wait is not None:
        raise LimitReached(
            "Too many tries.",
            code="too-many-tries",
            way_out="Wait, then try again.",
            retry_after_seconds=wait,
        )
    if not user.check_password(current):
        raise InvalidInput(
            "The current password is wrong.",
            code="wrong-password",
            fields={"current": ["This is not your password."]},
        )
    _check_password(new, user=user, field="new")
    with transaction.atomic():
        user.set_password(new)
        user.save(update_fields=["password"])
        end_sessions(user=user)
    record("password changed", user_id=user.pk)
    return user


def _check_password(password: str, *, user: User, field: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(
            "The password is too weak.",
            code="password-too-weak",
            way_out="Choose a longer one that is not a common word.",
            fields={field: list(error.messages)},
        ) from error


def _clean(user: User) -> None:
    try:
        user.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise InvalidInput(
            "Some of the input is not valid.",
            way_out="Correct the fields that are named.",
            fields=error.message_dict,
        ) from error


def _email_taken() -> InvalidInput:
    return InvalidInput(
        "There is an account with this e-mail address.",
        code="email-taken",
        way_out="Sign in, or use another address.",
        fields={"email": ["There is an account with this e-mail address."]},
    )
