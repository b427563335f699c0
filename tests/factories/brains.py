"""Brains and their members."""

import itertools

from django.contrib.auth.models import Group

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainMembership, BrainRole

_numbers = itertools.count(1)


def make_brain(
    *, owner: User, name: str = "", instructions: str = "", rewrites_questions: bool = False
) -> Brain:
    brain = Brain.objects.create(
        name=name or f"Brain {next(_numbers)}",
        instructions=instructions,
        rewrites_questions=rewrites_questions,
        created_by=owner,
    )
    add_member(brain, owner, BrainRole.OWNER)
    return brain


def add_member(brain: Brain, member: User | Group, role: BrainRole) -> BrainMembership:
    """Lets a person or a group in."""
    if isinstance(member, User):
        return BrainMembership.objects.create(brain=brain, user=member, role=role)
    return BrainMembership.objects.create(brain=brain, group=member, role=role)
