"""People and groups that go: what only they owned must not be left where nobody can change it.

What that is, apps that stand above this one know. They are asked before and after the change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction

from chatbot.accounts.models import User
from chatbot.accounts.services.audit import record
from chatbot.contracts.errors import Conflict


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who may be gone after a change: deleted, closed, or no longer in a group."""

    user_ids: frozenset[UUID] = frozenset()
    group_ids: frozenset[int] = frozenset()


class Belongings(Protocol):
    """What an app keeps for owners."""

    def left_behind(self, leaving: Leaving) -> list[str]:
        """Names of what nobody would own if all of them were deleted."""

    def hold(self, leaving: Leaving) -> Callable[[User], list[str]]:
        """Called before the change, in its transaction.

        What it gives is called after the change: the person becomes an owner of what nobody owns
        by then. Returns the names of that.
        """


_kinds: list[Belongings] = []


def keep_for_owners(belongings: Belongings) -> None:
    """Makes one kind of belongings known, when the processes begin."""
    _kinds.append(belongings)


def left_behind(leaving: Leaving) -> list[str]:
    """Names of what nobody would own if all of them were deleted."""
    return [name for kind in _kinds for name in kind.left_behind(leaving)]


@contextmanager
def handing_over(leaving: Leaving, *, heir: User) -> Iterator[list[str]]:
    """Around a change: what nobody owns after it becomes the heir's.

    The list is empty until then; afterwards it names what the heir has become an owner of.
    """
    handed_over: list[str] = []
    with transaction.atomic():
        finishers = [kind.hold(leaving) for kind in _kinds]
        yield handed_over
        for finish in finishers:
            handed_over.extend(finish(heir))


def remove(leaving: Leaving, *, heir: User) -> list[str]:
    """Deletes people with their conversations, and groups; names what the heir owns now.

    Raises:
        Conflict: `own-account`; nobody can inherit from themselves.
    """
    if heir.pk in leaving.user_ids:
        raise Conflict(
            "This is your own account.",
            code="own-account",
            way_out="Ask another administrator to delete it.",
        )
    with handing_over(leaving, heir=heir) as handed_over:
        User.objects.filter(pk__in=leaving.user_ids).delete()
        Group.objects.filter(pk__in=leaving.group_ids).delete()
    named = {"users": leaving.user_ids, "groups": leaving.group_ids}
    gone = {name: ",".join(map(str, ids)) for name, ids in named.items() if ids}
    record("accounts deleted", user_id=heir.pk, **gone)
    return handed_over
