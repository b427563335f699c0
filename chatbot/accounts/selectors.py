"""The one door to people, groups and keys."""

from collections.abc import Collection
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from chatbot.accounts.models import ApiKey, User
from chatbot.contracts.errors import NotFound


def profile(*, user: User) -> User:
    """The user with `groups` prefetched."""
    return User.objects.prefetch_related("groups").get(pk=user.pk)


def visible_groups(*, user: User) -> QuerySet[Group, Group]:
    """The groups that the user is in; all of them for an administrator."""
    groups = Group.objects.order_by("name")
    return groups if user.is_superuser else groups.filter(user=user)


def get_visible_group(*, user: User, group_id: int) -> Group:
    """Raises NotFound for a group that doesn't exist or that the user is not in."""
    group = visible_groups(user=user).filter(pk=group_id).first()
    if group is None:
        raise NotFound("There is no such group.", way_out="Choose one of your groups.")
    return group


def find_user(*, email: str) -> User:
    """Somebody by e-mail address, whatever its case.

    Raises:
        NotFound: nobody has it, or the account is closed.
    """
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise NotFound(
            "Nobody here has this e-mail address.",
            way_out="Ask the person to sign up first, or an administrator to add them.",
        )
    return user


def current_proofs(*, user_ids: Collection[UUID]) -> dict[UUID, str]:
    """What sessions and tokens of these people are bound to now; nobody who may not sign in."""
    users = User.objects.filter(pk__in=user_ids, is_active=True).only("password", "token_version")
    return {user.pk: user.get_session_auth_hash() for user in users}


def api_keys(*, user: User) -> QuerySet[ApiKey, ApiKey]:
    """The user's own keys that were not revoked."""
    return ApiKey.objects.filter(user=user, revoked_at=None)


def get_api_key(*, user: User, key_id: UUID) -> ApiKey:
    """Raises NotFound."""
    key = ApiKey.objects.filter(user=user, pk=key_id).first()
    if key is None:
        raise NotFound("There is no such API key.", way_out="List the keys to see their ids.")
    return key
