"""What webhooks and their deliveries look like in JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chatbot.webhooks.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    Webhook,
    WebhookEvent,
)
from chatbot.webhooks.services.faults import DELIVERY_FAULTS


class WebhookInput(serializers.Serializer[Any]):
    url = serializers.CharField(
        max_length=2000, help_text="Where events are posted to; https:// is what you want."
    )
    description = serializers.CharField(max_length=200, allow_blank=True, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=WebhookEvent.choices),
        allow_empty=False,
        max_length=len(WebhookEvent),
    )
    enabled = serializers.BooleanField(source="is_enabled", required=False)


class FaultOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    sentence = serializers.CharField()


class WebhookOutput(serializers.Serializer[Webhook]):
    id = serializers.UUIDField()
    brain = serializers.UUIDField(source="brain_id")
    url = serializers.CharField()
    description = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(choices=WebhookEvent.choices))
    enabled = serializers.BooleanField(source="is_enabled")
    disabled = serializers.SerializerMethodField(
        help_text="Why it was turned off by itself; null: it wasn't."
    )
    failing_since = serializers.DateTimeField(
        allow_null=True, help_text="Null: the last delivery was taken."
    )
    old_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the old secret signs along."
    )
    created_at = serializers.DateTimeField()

    @extend_schema_field(FaultOutput(allow_null=True))
    def get_disabled(self, webhook: Webhook) -> dict[str, str] | None:
        return _fault(webhook.disabled_code)


class NewWebhookOutput(WebhookOutput):
    secret = serializers.CharField(help_text="Shown only now.")


class SecretOutput(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Shown only now.")
    old_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the old one signs along; null: it can't."
    )


class DeliveriesQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=DeliveryState.choices, required=False)


class AttemptOutput(serializers.Serializer[DeliveryAttempt]):
    started_at = serializers.DateTimeField()
    duration_ms = serializers.IntegerField()
    status_code = serializers.IntegerField(allow_null=True, help_text="Null: there was no answer.")
    error_code = serializers.CharField(help_text="Empty: it was taken.")


class DeliveryOutput(serializers.Serializer[Delivery]):
    id = serializers.UUIDField(help_text="The header `webhook-id`.")
    event = serializers.CharField()
    content = serializers.DictField(source="data", help_text="`data` of what is posted.")
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    next_attempt_at = serializers.SerializerMethodField(help_text="Null: there is no next one.")
    status_code = serializers.IntegerField(allow_null=True, help_text="Of the last attempt.")
    error = serializers.SerializerMethodField(help_text="Of the last attempt; null: none.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptOutput(many=True, help_text="The newest first.")

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_attempt_at(self, delivery: Delivery) -> str | None:
        if delivery.state != DeliveryState.PENDING:
            return None
        return serializers.DateTimeField().to_representation(delivery.next_attempt_at)

    @extend_schema_field(FaultOutput(allow_null=True))
    def get_error(self, delivery: Delivery) -> dict[str, str] | None:
        return _fault(delivery.error_code)


def _fault(code: str) -> dict[str, str] | None:
    return {"code": code, "sentence": DELIVERY_FAULTS.get(code, "")} if code else None
