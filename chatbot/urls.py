"""Every address of the web application."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from chatbot.api import health
from chatbot.api.site import SiteView
from chatbot.documents.api.metrics import metrics

api: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("site", SiteView.as_view(), name="site"),
    path("schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("", include("chatbot.accounts.api.urls")),
    path("", include("chatbot.inference.api.urls")),
    path("", include("chatbot.brains.api.urls")),
    path("", include("chatbot.webhooks.api.urls")),
    path("", include("chatbot.documents.api.urls")),
    path("", include("chatbot.uploads.api.urls")),
    path("", include("chatbot.conversations.api.urls")),
]
urlpatterns = [
    path("api/v1/", include(api)),
    path("admin/", admin.site.urls),
    path("metrics", metrics, name="metrics"),
]

handler400 = "chatbot.api.errors.bad_request"
handler403 = "chatbot.api.errors.permission_denied"
handler404 = "chatbot.api.errors.page_not_found"
handler500 = "chatbot.api.errors.server_error"
