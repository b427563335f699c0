"""Checking an e-mail address and a password, a limited number of times."""

from typing import Final

from django.contrib.auth import authenticate

from chatbot.accounts.models import User
from chatbot.accounts.services.audit import masked, record
from chatbot.contracts.errors import LimitReached, NotAuthenticated
from chatbot.rate_limits import forget, hit

WINDOW_SECONDS: Final = 300
TRIES_PER_ACCOUNT_AND_ADDRESS: Final = 10
"""Counted for both together, so that nobody can lock somebody else out from afar."""
TRIES_PER_ADDRESS: Final = 100
TRIES_PER_ACCOUNT: Final = 300
"""Against guessing one password from many addresses; far above what people do."""


def check_credentials(*, email: str, password: str, address: str) -> User:
    """The person with this e-mail address and password.

    Raises:
        NotAuthenticated: `wrong-credentials`; whether the address is known can't be told.
        LimitReached: `too-many-tries`, before the password is looked at.
    """
    email = email.strip().lower()
    _count_try(email=email, address=address)
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        record("sign-in refused", email=masked(email))
        raise NotAuthenticated(
            "The e-mail address or the password is wrong.",
            code="wrong-credentials",
            way_out="Check both; an administrator can set a new password.",
        )
    forget(scope="sign-in", identity=_both(email, address), window_seconds=WINDOW_SECONDS)
    record("signed in", user_id=user.pk)
    return user


def _count_try(*, email: str, address: str) -> None:
    limits = (
        ("sign-in", _both(email, address), TRIES_PER_ACCOUNT_AND_ADDRESS),
        ("sign-in-address", address, TRIES_PER_ADDRESS),
        ("sign-in-account", email, TRIES_PER_ACCOUNT),
    )
    waits = [
        hit(scope=scope, identity=identity, limit=limit, window_seconds=WINDOW_SECONDS)
        for scope, identity, limit in limits
    ]
    wait = max((seconds for seconds in waits if seconds is not None), default=None)
    if wait is not None:
        record("sign-in limited", email=masked(email))
        raise LimitReached(
            "Too many tries to sign in.",
            code="too-many-tries",
            way_out="Wait, then try again; an administrator can set a new password.",
            retry_after_seconds=wait,
        )


def _both(email: str, address: str) -> str:
    return f"{email} {address}"
