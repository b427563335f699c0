"""The one door to brains: who may see or change what is decided in the query."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery

from chatbot.brains.models import Brain, BrainMembership, BrainRole
from chatbot.contracts.errors import NotAllowed, NotFound

if TYPE_CHECKING:
    from chatbot.accounts.models import User


def readable_brains(*, user: "User") -> QuerySet[Brain, Brain]:
    """Brains of which the user is a member, alone or through a group; annotated with `role`."""
    return Brain.objects.annotate(role=Subquery(_role_of(user=user))).filter(role__isnull=False)


def get_brain(*, user: "User", brain_id: UUID, role: BrainRole = BrainRole.VIEWER) -> Brain:
    """A brain in which the user has at least the role.

    Raises:
        NotFound: it doesn't exist, or the user is no member.
        NotAllowed: the user's role is lower.
    """
    brain = readable_brains(user=user).filter(pk=brain_id).first()
    if brain is None:
        raise _no_such_brain()
    require_role(has=getattr(brain, "role", 0), needs=role)
    return brain


def described_brains(*, user: "User") -> QuerySet[Brain, Brain]:
    """Readable brains, annotated with `documents_count` and `members_count` (groups count once)."""
    return counted(readable_brains(user=user))


def counted(brains: QuerySet[Brain, Brain]) -> QuerySet[Brain, Brain]:
    """Brains annotated with `documents_count` and `members_count`."""
    return brains.annotate(documents_count=_count("documents"), members_count=_count("memberships"))


def find_brains(*, user: "User", search: str = "") -> QuerySet[Brain, Brain]:
    """`described_brains` whose names contain the words; empty: all."""
    brains = described_brains(user=user)
    return brains.filter(name__icontains=search) if search else brains


def get_described_brain(*, user: "User", brain_id: UUID) -> Brain:
    """One of `described_brains`; raises NotFound."""
    brain = described_brains(user=user).filter(pk=brain_id).first()
    if brain is None:
        raise _no_such_brain()
    return brain


def members(*, user: "User", brain_id: UUID) -> QuerySet[BrainMembership, BrainMembership]:
    """The members of a brain that the user can read, with person or group; raises NotFound."""
    brain = get_brain(user=user, brain_id=brain_id)
    return brain.memberships.select_related("user", "group")


def get_member(*, brain: Brain, member_id: UUID) -> BrainMembership:
    """Raises NotFound."""
    member = brain.memberships.select_related("user", "group").filter(pk=member_id).first()
    if member is None:
        raise NotFound("There is no such member.", way_out="List the members to see their ids.")
    return member


def owned_brains(
    *, user_ids: Collection[UUID] = (), group_ids: Collection[int] = ()
) -> QuerySet[Brain, Brain]:
    """Brains of which one of the people, alone or through a group, or of the groups is an owner."""
    theirs = Q(user__in=user_ids) | Q(group__user__in=user_ids) | Q(group__in=group_ids)
    owners = BrainMembership.objects.filter(theirs, role=BrainRole.OWNER)
    return Brain.objects.filter(pk__in=owners.values("brain"))


def without_owner(
    brains: QuerySet[Brain, Brain],
    *,
    user_ids: Collection[UUID] = (),
    group_ids: Collection[int] = (),
) -> QuerySet[Brain, Brain]:
    """Those of the brains that nobody who can sign in owns, alone or through a group.

    The people and groups that are named don't count.
    """
    staying = get_user_model().objects.filter(is_active=True).exclude(pk__in=user_ids)
    owners = BrainMembership.objects.filter(
        Q(user__in=staying) | Q(group__user__in=staying) & ~Q(group__in=group_ids),
        brain=OuterRef("pk"),
        role=BrainRole.OWNER,
    )
    return brains.filter(~Exists(owners))


def require_role(*, has: int, needs: BrainRole) -> None:
    """Raises NotAllowed if a member's role doesn't suffice."""
    if has < needs:
        raise NotAllowed(
            f"This needs the role {needs.name.lower()} in the brain.",
            code="role-too-low",
            way_out="Ask an owner of the brain for a higher role.",
        )


def in_readable_brain(*, user: "User", path: str = "brain") -> Q:
    """A condition for rows that belong to a brain: the user is a member of it."""
    return Q(**{f"{path}__in": readable_brains(user=user).values("pk")})


def role_in_brain(*, user: "User", path: str = "brain") -> Subquery:
    """The user's role in the brain that `path` leads to, as an annotation."""
    return Subquery(_role_of(user=user, brain=OuterRef(path)))


def _no_such_brain() -> NotFound:
    return NotFound("There is no such brain.", way_out="Check the address, or ask to be invited.")


def _count(relation: str) -> Subquery:
    """A subquery, because joining two relations would count each row of one for each of the other.

    The relation goes by its name: documents stand above brains.
    """
    counted = Brain.objects.filter(pk=OuterRef("pk")).order_by().annotate(count=Count(relation))
    return Subquery(counted.values("count"))


def _role_of(*, user: "User", brain: OuterRef | None = None) -> QuerySet[BrainMembership, Any]:
    mine = Q(user=user) | Q(group__in=user.groups.values("pk"))
    return (
        BrainMembership.objects.filter(mine, brain=brain or OuterRef("pk"))
        .order_by()
        .values("brain")
        .annotate(role=Max("role"))
        .values("role")
    )
