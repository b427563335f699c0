"""What changes brains and who belongs to them.

Whoever changes a brain or its members holds its row, so that nobody's change is lost, and two
owners who leave at the same moment don't leave it without one.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction

from chatbot.accounts.models import User
from chatbot.accounts.selectors import find_user, get_visible_group
from chatbot.accounts.services.audit import record
from chatbot.accounts.services.departures import Leaving
from chatbot.brains.models import Brain, BrainMembership, BrainRole
from chatbot.brains.selectors import (
    get_brain,
    get_described_brain,
    get_member,
    owned_brains,
    without_owner,
)
from chatbot.contracts.errors import Conflict, InvalidInput, NotFound
from chatbot.inference.models import InferenceModel, ModelKind


@transaction.atomic
def create_brain(
    *,
    user: User,
    name: str,
    description: str = "",
    instructions: str = "",
    model_id: UUID | None = None,
    rewrites_questions: bool = False,
) -> Brain:
    """Makes a brain whose owner is its maker; one of `described_brains`.

    Raises:
        InvalidInput: there is no such chat model.
    """
    brain = Brain.objects.create(
        name=name,
        description=description,
        instructions=instructions,
        model=_chat_model(model_id),
        rewrites_questions=rewrites_questions,
        created_by=user,
    )
    BrainMembership.objects.create(brain=brain, user=user, role=BrainRole.OWNER)
    record("brain made", user_id=user.pk, brain=brain.pk)
    return get_described_brain(user=user, brain_id=brain.pk)


@transaction.atomic
def update_brain(*, user: User, brain_id: UUID, **changes: Any) -> Brain:  # noqa: ANN401
    """Changes `name`, `description`, `instructions`, `model_id` or `rewrites_questions`.

    What isn't given stays.

    Raises:
        NotFound, NotAllowed: as `get_brain` for an owner.
        InvalidInput: there is no such chat model.
    """
    brain = _locked_brain(user=user, brain_id=brain_id)
    if "model_id" in changes:
        brain.model = _chat_model(changes.pop("model_id"))
    for field in ("name", "description", "instructions", "rewrites_questions"):
        setattr(brain, field, changes.pop(field, getattr(brain, field)))
    if changes:
        raise TypeError(f"a brain has no {', '.join(changes)}")
    brain.save()
    return get_described_brain(user=user, brain_id=brain.pk)


@transaction.atomic
def delete_brain(*, user: User, brain_id: UUID) -> None:
    """Deletes a brain with its documents; conversations stay, without a brain.

    Raises:
        NotFound, NotAllowed: as `get_brain` for an owner.
    """
    brain = get_brain(user=user, brain_id=brain_id, role=BrainRole.OWNER)
    record("brain deleted", user_id=user.pk, brain=brain.pk)
    remove_brain(brain)


@transaction.atomic
def remove_brain(brain: Brain) -> None:
    """As `delete_brain`, whoever asks for it."""
    for empty in _emptiers:
        empty(brain)
    brain.delete()


def empty_first(empty: Callable[[Brain], None]) -> None:
    """What an app that stands above this one does with a brain's content before the brain goes.

    A cascade alone would not know that a worker is writing to the rows, and that there are files.
    """
    _emptiers.append(empty)


_emptiers: list[Callable[[Brain], None]] = []


@transaction.atomic
def add_member(
    *,
    user: User,
    brain_id: UUID,
    role: BrainRole,
    email: str | None = None,
    group_id: int | None = None,
) -> BrainMembership:
    """Lets a person (by e-mail address) or a group in.

    Raises:
        NotFound, NotAllowed: as `get_brain` for an owner.
        InvalidInput: not exactly one of both, or there is no such person or group.
        Conflict: `already-member`.
    """
    brain = _locked_brain(user=user, brain_id=brain_id)
    person, group = _invited(user=user, email=email, group_id=group_id)
    if brain.memberships.filter(user=person, group=group).exists():
        raise Conflict(
            "This member is there already.",
            code="already-member",
            way_out="Change the role of the member instead.",
        )
    member = BrainMembership.objects.create(brain=brain, user=person, group=group, role=role)
    record("member added", user_id=user.pk, brain=brain.pk, member=member.pk, role=role.name)
    return member


@transaction.atomic
def change_member(
    *, user: User, brain_id: UUID, member_id: UUID, role: BrainRole
) -> BrainMembership:
    """Gives a member another role.

    Raises:
        NotFound, NotAllowed: as `get_brain` for an owner, or there is no such member.
        Conflict: `last-owner`.
    """
    brain = _locked_brain(user=user, brain_id=brain_id)
    member = get_member(brain=brain, member_id=member_id)
    member.role = role
    member.save(update_fields=["role"])
    _require_owner(brain)
    record("member changed", user_id=user.pk, brain=brain.pk, member=member.pk, role=role.name)
    return member


@transaction.atomic
def remove_member(*, user: User, brain_id: UUID, member_id: UUID) -> None:
    """Takes a member out.

    Raises:
        NotFound, NotAllowed: as `get_brain` for an owner, or there is no such member.
        Conflict: `last-owner`.
    """
    brain = _locked_brain(user=user, brain_id=brain_id)
    get_member(brain=brain, member_id=member_id).delete()
    _require_owner(brain)
    record("member removed", user_id=user.pk, brain=brain.pk, member=member_id)


class OwnedBrains:
    """What people and groups leave behind when they go; see `accounts.services.departures`."""

    def left_behind(self, leaving: Leaving) -> list[str]:
        """Names of the brains that nobody would own."""
        users, groups = leaving.user_ids, leaving.group_ids
        owned = owned_brains(user_ids=users, group_ids=groups)
        return [str(brain) for brain in without_owner(owned, user_ids=users, group_ids=groups)]

    def hold(self, leaving: Leaving) -> Callable[[User], list[str]]:
        """Locks their brains; what it gives makes somebody an owner of those left without one."""
        owned = owned_brains(user_ids=leaving.user_ids, group_ids=leaving.group_ids)
        locked = Brain.objects.select_for_update(no_key=True).filter(pk__in=owned.values("pk"))
        brain_ids = list(locked.order_by("pk").values_list("pk", flat=True))
        return lambda heir: _adopt(heir, brain_ids)


def _adopt(heir: User, brain_ids: list[UUID]) -> list[str]:
    names = []
    for brain in without_owner(Brain.objects.filter(pk__in=brain_ids)):
        brain.memberships.update_or_create(user=heir, defaults={"role": BrainRole.OWNER})
        record("brain handed over", user_id=heir.pk, brain=brain.pk)
        names.append(str(brain))
    return names


def _locked_brain(*, user: User, brain_id: UUID) -> Brain:
    # The lock first: role and fields must be looked up after others have finished with them.
    Brain.objects.select_for_update(no_key=True).filter(pk=brain_id).first()
    return get_brain(user=user, brain_id=brain_id, role=BrainRole.OWNER)


def _require_owner(brain: Brain) -> None:
    """Somebody who can sign in must own the brain, alone or through a group."""
    if without_owner(Brain.objects.filter(pk=brain.pk)).exists():
        raise Conflict(
            "A brain needs an owner, and this is the last one.",
            code="last-owner",
            way_out="Make somebody else an owner first, or delete the brain.",
        )


def _invited(
    *, user: User, email: str | None, group_id: int | None
) -> tuple[User | None, Group | None]:
    if (email is None) == (group_id is None):
        raise InvalidInput(
            "Name either a person or a group.",
            fields={"email": ["Give this or a group, not both."]},
        )
    try:
        if email is not None:
            return find_user(email=email), None
        return None, get_visible_group(user=user, group_id=group_id or 0)
    except NotFound as error:
        field = "group" if email is None else "email"
        raise InvalidInput(
            error.sentence, way_out=error.way_out, fields={field: [error.sentence]}
        ) from error


def _chat_model(model_id: UUID | None) -> InferenceModel | None:
    if model_id is None:
        return None
    model = InferenceModel.objects.filter(pk=model_id, kind=ModelKind.CHAT).first()
    if model is None:
        raise InvalidInput(
            "There is no such chat model.",
            way_out="The list at models names them.",
            fields={"model": ["There is no such chat model."]},
        )
    return model
