"""The web application: REST, admin, scheduler, migrations."""

from django_stubs_ext import monkeypatch

from chatbot.settings.base import *  # noqa: F403 - a settings module extends another one

monkeypatch()

INSTALLED_APPS = [
    *DOMAIN_APPS,  # noqa: F405
    "chatbot.uploads",
    "django.contrib.admin",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "chatbot.api",
    "chatbot.scheduler",
    "chatbot.operations",
]
MIDDLEWARE = [
    "chatbot.request_ids.name_requests",
    "chatbot.api.watchers.answer_watchers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "chatbot.urls"
WSGI_APPLICATION = "chatbot.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
# Served from where the packages have them: nothing is gathered, and nothing is out of date.
WHITENOISE_USE_FINDERS = True
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The front door ends TLS and sets this header itself.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_TEMP_DIR = ENVIRONMENT.home / "uploads"  # noqa: F405
# The first upload makes this folder: no command has to fail because nobody has uploaded yet.
SILENCED_SYSTEM_CHECKS = ["files.E001"]
# Files always go to disk while they arrive: memory does not grow with an upload.
FILE_UPLOAD_HANDLERS = ["chatbot.documents.api.upload.HashingUploadHandler"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "chatbot.accounts.api.authentication.BearerAuthentication",
        "chatbot.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["chatbot.api.permissions.IsSignedIn"],
    "DEFAULT_PAGINATION_CLASS": "chatbot.api.pagination.PagePagination",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "chatbot.api.negotiation.OneAnswer",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["chatbot.api.parsers.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["chatbot.api.throttles.RequestThrottle"],
    "EXCEPTION_HANDLER": "chatbot.api.errors.problem_response",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Brainstem",
    "DESCRIPTION": "Brains, documents, conversations and jobs.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "chatbot.api.schema.describe_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "UserRoleEnum": ["admin", "member"],
        "BrainRoleEnum": ["viewer", "editor", "owner"],
        "LanguageEnum": "chatbot.accounts.models.Language",
        "ScopeEnum": "chatbot.accounts.models.Scope",
        "DocumentStateEnum": "chatbot.documents.models.VersionState",
        "UploadStateEnum": "chatbot.uploads.models.UploadState",
        "ItemResultEnum": "chatbot.uploads.models.ItemResult",
        "ItemStateEnum": "chatbot.uploads.models.ITEM_STATES",
        "PageSourceEnum": "chatbot.documents.models.PageSource",
        "WebhookEventEnum": "chatbot.webhooks.models.WebhookEvent",
        "DeliveryStateEnum": "chatbot.webhooks.models.DeliveryState",
        "TurnStateEnum": "chatbot.conversations.models.TurnState",
        "MessageRoleEnum": "chatbot.conversations.models.MessageRole",
    },
}
