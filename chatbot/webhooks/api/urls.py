from django.urls import path

from chatbot.webhooks.api import views

urlpatterns = [
    path("brains/<uuid:brain_id>/webhooks", views.WebhooksView.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>", views.WebhookView.as_view(), name="webhook"),
    path("webhooks/<uuid:webhook_id>/test", views.WebhookTestView.as_view(), name="webhook-test"),
    path(
        "webhooks/<uuid:webhook_id>/rotate-secret",
        views.WebhookSecretView.as_view(),
        name="webhook-secret",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries",
        views.DeliveriesView.as_view(),
        name="deliveries",
    ),
    path(
        "deliveries/<uuid:delivery_id>/resend",
        views.DeliveryResendView.as_view(),
        name="delivery-resend",
    ),
]
