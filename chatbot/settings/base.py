"""What every process shares. A process adds its applications and what it alone needs."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from psycopg.conninfo import conninfo_to_dict

from chatbot.contracts.keys import CELERY_PREFIX
from chatbot.settings.env import read_environment

ENVIRONMENT = read_environment()

SECRET_KEY = ENVIRONMENT.secret_key
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
PUBLIC_URL = ENVIRONMENT.public_url.rstrip("/")
_SECURE = PUBLIC_URL.startswith("https://")

# The domain, in every process; without admin and REST.
DOMAIN_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "chatbot.accounts",
    "chatbot.inference",
    "chatbot.brains",
    "chatbot.webhooks",
    "chatbot.documents",
    "chatbot.retrieval",
    "chatbot.conversations",
]
INSTALLED_APPS = DOMAIN_APPS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- PostgreSQL ---
CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MILLISECONDS = 30_000
LOCK_TIMEOUT_MILLISECONDS = 10_000
IDLE_IN_TRANSACTION_TIMEOUT_MILLISECONDS = 30_000
UNACKNOWLEDGED_MILLISECONDS = 25_000
"""For a network that swallows what was sent: TCP's own probes only look at an idle connection."""


def database(url: str) -> dict[str, Any]:
    """A Django database from a PostgreSQL address, with a limit on everything that can wait."""
    parts = conninfo_to_dict(url)
    named = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    options = {key: value for key, value in parts.items() if key not in named}
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{setting: str(parts.get(key, "")) for key, setting in named.items()},
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": UNACKNOWLEDGED_MILLISECONDS,
            "options": (
                f"-c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS}"
                f" -c lock_timeout={LOCK_TIMEOUT_MILLISECONDS}"
                " -c idle_in_transaction_session_timeout"
                f"={IDLE_IN_TRANSACTION_TIMEOUT_MILLISECONDS}"
            ),
            **options,
        },
    }


DATABASES = {"default": database(ENVIRONMENT.database_url)}

# --- Redis and Celery ---
REDIS_URL = ENVIRONMENT.redis_url
REDIS_TIMEOUT_SECONDS = 2.0
_REDIS_SOCKET = {
    "socket_timeout": 10.0,
    "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "retry_on_timeout": True,
}
CELERY = {
    "broker_url": REDIS_URL,
    "broker_transport_options": {
        **_REDIS_SOCKET,
        "global_keyprefix": CELERY_PREFIX,
        # A message is a hint and is acknowledged early: nothing waits to be made visible again.
        "visibility_timeout": 12 * 3600,
    },
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": REDIS_TIMEOUT_SECONDS,
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_ignore_result": True,
    "task_create_missing_queues": True,
    "worker_prefetch_multiplier": 1,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "task_publish_retry": False,
    "timezone": "UTC",
}

# --- Files ---
STORAGE_CONNECT_SECONDS = 5
STORAGE_READ_SECONDS = 30


def storage(url: str) -> dict[str, Any]:
    """A Django storage from an address.

    `file:///folder`, or `s3://key:secret@bucket/prefix?endpoint=https://host&region=name`; key and
    secret may be left to the usual AWS variables.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": unquote(parts.path), "file_permissions_mode": 0o600},
        }
    # Only where it is used: botocore takes its time to import.
    from botocore.config import Config  # noqa: PLC0415

    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": parts.hostname,
            "location": parts.path.strip("/"),
            "access_key": unquote(parts.username) if parts.username else None,
            "secret_key": unquote(parts.password) if parts.password else None,
            "endpoint_url": query.get("endpoint"),
            "region_name": query.get("region"),
            "client_config": Config(
                connect_timeout=STORAGE_CONNECT_SECONDS,
                read_timeout=STORAGE_READ_SECONDS,
                retries={"max_attempts": 2},
                s3={"addressing_style": "path"} if query.get("endpoint") else None,
            ),
            # What is larger goes to disk while it is fetched.
            "max_memory_size": 1024 * 1024,
            "file_overwrite": True,
            "default_acl": None,
        },
    }


STORAGES: dict[str, dict[str, Any]] = {
    "default": storage(ENVIRONMENT.storage_url),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
UPLOAD_LIMIT_BYTES = ENVIRONMENT.upload_limit_megabytes * 1024 * 1024
UNFINISHED_UPLOADS = 1000
"""So many resumable uploads may somebody have begun and not ended."""
UNFINISHED_UPLOADS_BYTES = 20 * UPLOAD_LIMIT_BYTES
"""So large may they be together, by what was announced."""
UNFINISHED_DOCUMENTS_LIMIT = ENVIRONMENT.unfinished_documents_limit
UNFINISHED_FETCHES_LIMIT = ENVIRONMENT.unfinished_fetches_limit
PAGES_LIMIT = ENVIRONMENT.pages_limit
OUTBOUND_PRIVATE_HOSTS = ENVIRONMENT.outbound_private_hosts
"""Where addresses that people give may lead, beside the public internet."""
TESSDATA = ENVIRONMENT.tessdata
OCR_ENGINES = ENVIRONMENT.ocr_engines
"""Those that are set up; the first one reads where nobody has asked for another."""
RAPIDOCR_MODEL = ENVIRONMENT.rapidocr_model
"""A file that reads other scripts than the model of RapidOCR's package; empty: that one."""
OCR_VISION_SERVER = ENVIRONMENT.vision
CLAMAV_URL = ENVIRONMENT.clamav_url
"""`tcp://host:3310`, `unix:///path`, or empty: files are read unscanned."""

# --- Accounts ---
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "chatbot.accounts.services.password_hashes.Argon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SIGN_UP_OPEN = ENVIRONMENT.sign_up_open
SESSION_COOKIE_SECURE = _SECURE
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = _SECURE
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
ACCESS_TOKEN_SECONDS = 600
REFRESH_TOKEN_SECONDS = 14 * 24 * 3600

# --- Inference ---
CHAT_SERVER = ENVIRONMENT.chat
CHAT_CONTEXT_TOKENS = ENVIRONMENT.chat_context_tokens
CHAT_PROMPT_TOKENS = ENVIRONMENT.chat_prompt_tokens
CHAT_OUTPUT_TOKENS = ENVIRONMENT.chat_output_tokens
CHAT_CONCURRENCY = ENVIRONMENT.chat_concurrency
CHAT_FIRST_TOKEN_SECONDS = ENVIRONMENT.chat_first_token_seconds
CHAT_DISCOVERY = ENVIRONMENT.chat_discovery
"""`none`, or `dns`: every address of INFERENCE_URL's host is a server of its own."""
CHAT_PROTOCOL = ENVIRONMENT.chat_protocol
"""What the server of INFERENCE_URL speaks."""
CHAT_MODEL_NOTES = ENVIRONMENT.chat_model_notes
CHAT_WRITES_TITLES = ENVIRONMENT.chat_writes_titles
"""Whether the model of INFERENCE_URL names conversations; None: as the admin says."""
EMBEDDING_SERVER = ENVIRONMENT.embedding

REQUEST_LIMIT_PER_MINUTE = ENVIRONMENT.request_limit_per_minute
QUESTION_LIMIT_PER_MINUTE = ENVIRONMENT.question_limit_per_minute
TOKENS_PER_DAY = ENVIRONMENT.tokens_per_day
KEY_TOKENS_PER_DAY = ENVIRONMENT.key_tokens_per_day
API_CONVERSATION_DAYS = ENVIRONMENT.api_conversation_days

# --- The rest ---
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ko", "한국어")]
USE_I18N = True

# --- For whoever watches ---
METRICS_TOKEN = ENVIRONMENT.metrics_token
METRICS_PORT = ENVIRONMENT.metrics_port
TRACES_ENDPOINT = ENVIRONMENT.traces_endpoint

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "chatbot.log_lines.TextLine"},
        "json": {"()": "chatbot.log_lines.JsonLine"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": ENVIRONMENT.log_format}
    },
    "root": {"handlers": ["console"], "level": ENVIRONMENT.log_level},
    "loggers": {
        # Supervisors read from this logger that a worker is ready, whatever LOG_LEVEL says.
        "chatbot.workers": {"level": "INFO"},
        # These log one line per request with its address; addresses may name people's documents.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        # One line for each step that a collector misses.
        "opentelemetry": {"level": "ERROR"},
        # The servers come with handlers of their own; their lines are to look like ours. Below
        # WARNING uvicorn's name every request and socket with its whole address.
        "uvicorn": {"handlers": [], "propagate": True, "level": "WARNING"},
        # A line per request, with its address, at the cost of a dozen tokens.
        "uvicorn.access": {"handlers": [], "propagate": False},
        "gunicorn.error": {"handlers": [], "propagate": True},
    },
}
