"""Brains: knowledge bases, and who may do what with them."""

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatbot.inference.models import InferenceModel


class BrainRole(models.IntegerChoices):
    """A higher role may do all that a lower one may.

    Outside, roles go by their lower-case names.
    """

    VIEWER = 1, _("viewer")
    EDITOR = 2, _("editor")
    OWNER = 3, _("owner")


class Brain(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    instructions = models.TextField(
        _("instructions"),
        blank=True,
        max_length=4000,
        help_text=_("Told to the model before every question."),
    )
    model = models.ForeignKey(
        InferenceModel,
        models.SET_NULL,
        null=True,
        blank=True,
        verbose_name=_("model"),
        help_text=_("Empty: the default model."),
    )
    rewrites_questions = models.BooleanField(
        _("rewrites follow-up questions"),
        default=False,
        db_default=False,
        help_text=_(
            "Before the search the model puts a follow-up question into words that stand alone: "
            "one more short request, and up to three seconds more to the first word."
        ),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("brain")
        verbose_name_plural = _("brains")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class BrainMembership(models.Model):
    """The role of a person, or of everybody in a group."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    brain = models.ForeignKey(Brain, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="brain_memberships",
    )
    group = models.ForeignKey(
        Group, models.CASCADE, null=True, blank=True, related_name="brain_memberships"
    )
    role = models.PositiveSmallIntegerField(_("role"), choices=BrainRole, default=BrainRole.VIEWER)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("brain member")
        verbose_name_plural = _("brain members")
        ordering = ("-role", "created_at", "id")
        constraints = [
            models.UniqueConstraint(fields=("brain", "user"), name="brain_user_unique"),
            models.UniqueConstraint(fields=("brain", "group"), name="brain_group_unique"),
            models.CheckConstraint(
                name="member_is_user_or_group",
                condition=Q(user__isnull=False, group__isnull=True)
                | Q(user__isnull=True, group__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {BrainRole(self.role).label}"
