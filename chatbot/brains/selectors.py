"""The one door to brains: who may see or change what is decided in the query."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery

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
        raise NotFound(
            "There is no such brain.", way_out="Check the address, or ask to be invited."
        )
    require_role(has=getattr(brain, "role", 0), needs=role)
    return brain


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


def _role_of(*, user: "User", brain: OuterRef | None = None) -> QuerySet[BrainMembership, Any]:
    mine = Q(user=user) | Q(group__in=user.groups.values("pk"))
    return (
        BrainMembership.objects.filter(mine, brain=brain or OuterRef("pk"))
        .order_by()
        .values("brain")
        .annotate(role=Max("role"))
        .values("role")
    )
