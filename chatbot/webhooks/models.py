"""Webhooks of brains, and what is delivered to them.

Webhook -> Delivery (an event for one webhook; the row is the outbox)
                    -> DeliveryAttempt (when, how long, what the receiver said)
"""

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from chatbot.brains.models import Brain


class WebhookEvent(models.TextChoices):
    """What a webhook can be told; a `ping` besides is sent when somebody tries one."""

    DOCUMENT_READY = "document.ready", _("document ready")
    DOCUMENT_FAILED = "document.failed", _("document failed")
    DOCUMENT_CANCELLED = "document.cancelled", _("document cancelled")
    DOCUMENT_DELETED = "document.deleted", _("document deleted")


PING = "ping"


class Webhook(models.Model):
    """An address that is told what happens in a brain.

    At most one delivery to it is on its way: whoever sends holds `lease_token`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    brain = models.ForeignKey(Brain, models.CASCADE, related_name="webhooks")
    url = models.CharField(_("address"), max_length=2000)
    description = models.CharField(_("description"), max_length=200, blank=True)
    events = ArrayField(
        models.CharField(max_length=32, choices=WebhookEvent), verbose_name=_("events")
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)
    disabled_code = models.CharField(
        _("why it is off"),
        max_length=64,
        blank=True,
        help_text=_("Empty: nobody, or a person, has turned it off."),
    )
    encrypted_secret = models.BinaryField(editable=False)
    encrypted_old_secret = models.BinaryField(blank=True, default=b"", editable=False)
    old_secret_until = models.DateTimeField(_("the old secret signs until"), null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    failing_since = models.DateTimeField(_("fails since"), null=True)
    last_failure_at = models.DateTimeField(_("last failure at"), null=True)
    last_attempt_at = models.DateTimeField(_("last attempt at"), null=True)
    paused_until = models.DateTimeField(
        _("paused until"), null=True, help_text=_("After a failure nothing is sent for a while.")
    )

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("created_at", "id")

    def __str__(self) -> str:
        """Its host alone: what follows may hold a secret, and this stands in logs of the admin."""
        scheme, netloc, *_ = urlsplit(self.url)
        return f"{scheme}://{netloc}"


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("pending")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("failed")


class Delivery(models.Model):
    """An event on its way to one webhook; its id is the header `webhook-id`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.CharField(_("event"), max_length=32)
    data = models.JSONField(_("content"))
    state = models.CharField(
        _("state"), max_length=16, choices=DeliveryState, default=DeliveryState.PENDING
    )
    tries = models.PositiveSmallIntegerField(
        _("attempts"), default=0, help_text=_("Since it was sent, or sent again.")
    )
    next_attempt_at = models.DateTimeField(_("next attempt at"), db_default=Now())
    status_code = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-created_at", "id")
        indexes = [
            models.Index(fields=("webhook", "-created_at"), name="delivery_of_webhook"),
            models.Index(fields=("created_at",), name="delivery_age"),
            models.Index(
                fields=("webhook", "next_attempt_at"),
                name="delivery_pending",
                condition=Q(state="pending"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.pk}"


class DeliveryAttempt(models.Model):
    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    started_at = models.DateTimeField(_("started at"))
    duration_ms = models.PositiveIntegerField(_("took (ms)"))
    status_code = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    error_code = models.CharField(_("error"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("attempt of a delivery")
        verbose_name_plural = _("attempts of deliveries")
        ordering = ("-started_at", "-id")

    def __str__(self) -> str:
        return f"{self.delivery_id}: {self.status_code or self.error_code}"
