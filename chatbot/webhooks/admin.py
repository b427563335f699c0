"""Webhooks and what is delivered to them.

Secrets are shown nowhere, nor are addresses but for their hosts: many services put a secret there.
"""

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chatbot.admin_pages import Button, LightDeletion, ReadOnlyAdmin, ReadOnlyInline
from chatbot.webhooks.models import Delivery, DeliveryAttempt, Webhook
from chatbot.webhooks.services.faults import DELIVERY_FAULTS
from chatbot.webhooks.services.registration import remove_webhook
from chatbot.webhooks.services.resending import resend


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin, LightDeletion):
    can_delete = True
    list_display = (
        "__str__",
        "brain",
        "is_enabled",
        "disabled_code",
        "failures",
        "failing_since",
        "created_by",
        "created_at",
    )
    list_filter = ("is_enabled", "disabled_code", "created_at")
    list_select_related = ("brain", "created_by")
    search_fields = ("url", "description", "brain__name", "=id")
    fields = (
        *list_display[1:],
        "description",
        "events",
        "paused_until",
        "last_attempt_at",
        "old_secret_until",
        "deliveries",
    )
    readonly_fields = ("deliveries",)

    def delete_model(self, request: HttpRequest, obj: Webhook) -> None:  # noqa: ARG002 - Django's
        remove_webhook(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Webhook, Webhook]) -> None:
        for webhook in queryset:
            self.delete_model(request, webhook)

    @admin.display(description="Deliveries")
    def deliveries(self, webhook: Webhook) -> SafeString:
        address = reverse("admin:webhooks_delivery_changelist")
        return format_html('<a href="{}?webhook__id__exact={}">Show</a>', address, webhook.pk)


class AttemptInline(ReadOnlyInline):
    model = DeliveryAttempt
    fields = ("started_at", "duration_ms", "status_code", "error_code")
    readonly_fields = fields
    show_change_link = False


def _send_again(delivery: Delivery) -> str:
    resend(delivery)
    return "It is sent again."


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "event",
        "webhook",
        "state",
        "tries",
        "status_code",
        "error_code",
        "next_attempt_at",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", "event", "error_code", "created_at")
    list_select_related = ("webhook",)
    search_fields = ("webhook__url", "=webhook__id", "=id")
    fields = (*list_display, "what_happened", "data", "buttons")
    readonly_fields = ("what_happened", "buttons")
    inlines = (AttemptInline,)
    actions = ("send_again",)
    object_buttons: ClassVar[dict[str, Button]] = {"resend": Button("Send again", _send_again)}

    @admin.action(description="Send again", permissions=["view"])
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery, Delivery]) -> None:
        self.press_all(request, self.object_buttons["resend"], deliveries)

    @admin.display(description="What happened")
    def what_happened(self, delivery: Delivery) -> str:
        return DELIVERY_FAULTS.get(delivery.error_code, "-")
