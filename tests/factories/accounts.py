"""People, groups and what they sign in with."""

import itertools

from django.contrib.auth.models import Group

from chatbot.accounts.models import ApiKey, Scope, User
from chatbot.accounts.services.api_keys import create_api_key

PASSWORD = "correct-horse-battery"  # noqa: S105 - of accounts that tests make
_numbers = itertools.count(1)


def make_user(*, email: str = "", name: str = "", is_admin: bool = False) -> User:
    """Somebody whose password is `PASSWORD`."""
    user = User(
        email=email or f"person{next(_numbers)}@example.com", name=name, is_superuser=is_admin
    )
    user.set_password(PASSWORD)
    user.save()
    return user


def make_group(*members: User, name: str = "") -> Group:
    group = Group.objects.create(name=name or f"Group {next(_numbers)}")
    group.user_set.set(members)
    return group


def make_api_key(user: User, *scopes: Scope) -> tuple[ApiKey, str]:
    """A key and its secret; without scopes it has all of them."""
    return create_api_key(user=user, name="A key", scopes=scopes or tuple(Scope))
