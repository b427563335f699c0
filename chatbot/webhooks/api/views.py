"""Webhooks of brains: for those who may add documents."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.accounts.models import Scope
from chatbot.api.views import ApiView
from chatbot.webhooks.api.serializers import (
    DeliveriesQuery,
    DeliveryOutput,
    NewWebhookOutput,
    SecretOutput,
    WebhookInput,
    WebhookOutput,
)
from chatbot.webhooks.selectors import deliveries_of, get_webhook, webhooks_of
from chatbot.webhooks.services.registration import (
    create_webhook,
    delete_webhook,
    rotate_secret,
    update_webhook,
)
from chatbot.webhooks.services.resending import resend_delivery, send_ping


class WebhookApiView(ApiView):
    read_scopes = frozenset({Scope.BRAINS_READ})
    write_scopes = frozenset({Scope.BRAINS_WRITE})


class WebhooksView(WebhookApiView):
    @extend_schema(operation_id="list_webhooks", responses=WebhookOutput(many=True))
    def get(self, request: Request, brain_id: UUID) -> Response:
        """The webhooks of a brain; needs the role editor, as all of this."""
        return self.page(webhooks_of(user=user_of(request), brain_id=brain_id), WebhookOutput)

    @extend_schema(
        operation_id="create_webhook", request=WebhookInput, responses={201: NewWebhookOutput}
    )
    def post(self, request: Request, brain_id: UUID) -> Response:
        """Adds a webhook. Its secret is in this answer, and in no other."""
        webhook, secret = create_webhook(
            user=user_of(request), brain_id=brain_id, **self.parsed(WebhookInput)
        )
        return Response({**WebhookOutput(webhook).data, "secret": secret}, status=201)


class WebhookView(WebhookApiView):
    @extend_schema(operation_id="get_webhook", responses=WebhookOutput)
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """One webhook."""
        webhook = get_webhook(user=user_of(request), webhook_id=webhook_id)
        return Response(WebhookOutput(webhook).data)

    @extend_schema(operation_id="change_webhook", request=WebhookInput, responses=WebhookOutput)
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Changes a webhook. Turned off, what was still to be sent fails."""
        changes = self.parsed(WebhookInput, partial=True)
        webhook = update_webhook(user=user_of(request), webhook_id=webhook_id, **changes)
        return Response(WebhookOutput(webhook).data)

    @extend_schema(operation_id="delete_webhook", responses={204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Deletes a webhook with its deliveries."""
        delete_webhook(user=user_of(request), webhook_id=webhook_id)
        return Response(status=204)


class WebhookSecretView(WebhookApiView):
    @extend_schema(operation_id="rotate_webhook_secret", request=None, responses=SecretOutput)
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Makes a new secret, which is in this answer only; the old one signs along for a day."""
        webhook, secret = rotate_secret(user=user_of(request), webhook_id=webhook_id)
        body = {"secret": secret, "old_secret_until": webhook.old_secret_until}
        return Response(SecretOutput(body).data)


class WebhookTestView(WebhookApiView):
    @extend_schema(operation_id="test_webhook", request=None, responses={202: DeliveryOutput})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Has a `ping` sent; the webhook's deliveries tell what became of it."""
        delivery = send_ping(user=user_of(request), webhook_id=webhook_id)
        return Response(DeliveryOutput(delivery).data, status=202)


class DeliveriesView(WebhookApiView):
    @extend_schema(
        operation_id="list_deliveries",
        parameters=[DeliveriesQuery],
        responses=DeliveryOutput(many=True),
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """What was sent to a webhook within thirty days and is to be, the newest first."""
        deliveries = deliveries_of(
            user=user_of(request), webhook_id=webhook_id, **self.asked(DeliveriesQuery)
        )
        return self.page(deliveries, DeliveryOutput)


class DeliveryResendView(WebhookApiView):
    @extend_schema(operation_id="resend_delivery", request=None, responses={202: DeliveryOutput})
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Has a delivery sent once more, under the same `webhook-id`."""
        delivery = resend_delivery(user=user_of(request), delivery_id=delivery_id)
        return Response(DeliveryOutput(delivery).data, status=202)
