"""The one reader of the environment: typed, and every mistake is reported at once.

Where SECRET_KEY or DATABASE_URL is not set, variables that are not set come from
`$BRAINSTEM_HOME/environment`, which `manage.py up` writes: so `manage.py shell` finds the stack.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError, validate
from marshmallow import ValidationError

from chatbot.contracts.ocr import ENGINES, TESSERACT
from chatbot.outbound.addresses import PrivateHosts

INFERENCE_PROTOCOLS = ["openai", "anthropic", "kserve-http", "kserve-grpc", "session"]
FIRST_ADMIN_EMAIL = "admin@brainstem.local"
_PROJECT = Path(__file__).resolve().parents[2]


class EnvironmentMistake(Exception):
    """One or more variables are wrong; the message has a line for each."""


@dataclass(frozen=True, slots=True)
class InferenceServer:
    """A model server named by the environment; `model` empty: ask the server."""

    url: str
    api_key: str
    model: str


@dataclass(frozen=True, slots=True)
class Environment:
    home: Path
    admin_email: str
    admin_password: str
    secret_key: str
    database_url: str
    redis_url: str
    storage_url: str
    public_url: str
    allowed_hosts: list[str]
    chat: InferenceServer
    chat_context_tokens: int
    chat_prompt_tokens: int
    chat_output_tokens: int
    chat_concurrency: int
    chat_first_token_seconds: int
    chat_discovery: str
    chat_protocol: str
    chat_model_notes: str
    chat_writes_titles: bool | None
    embedding: InferenceServer
    sign_up_open: bool
    upload_limit_megabytes: int
    unfinished_documents_limit: int
    unfinished_fetches_limit: int
    pages_limit: int
    request_limit_per_minute: int
    question_limit_per_minute: int
    tokens_per_day: int
    key_tokens_per_day: int
    api_conversation_days: int
    outbound_private_hosts: PrivateHosts
    tessdata: str
    ocr_engines: list[str]
    rapidocr_model: str
    vision: InferenceServer
    clamav_url: str
    log_level: str
    log_format: str
    metrics_token: str
    metrics_port: int
    traces_endpoint: str
    debug: bool


def read_environment() -> Environment:
    """Reads and checks all variables.

    Raises:
        EnvironmentMistake: with a line for every variable that is wrong.
    """
    env = Env(eager=False)
    home = home_folder()
    written = home / "environment"
    is_told = "SECRET_KEY" in os.environ and "DATABASE_URL" in os.environ
    if not is_told and os.access(written, os.R_OK):
        env.read_env(written, recurse=False)
    environment = Environment(
        home=home,
        admin_email=env.str("BRAINSTEM_ADMIN_EMAIL", FIRST_ADMIN_EMAIL, validate=validate.Email()),
        admin_password=env.str("BRAINSTEM_ADMIN_PASSWORD", ""),
        secret_key=env.str("SECRET_KEY", validate=validate.Length(min=32)),
        database_url=env.str("DATABASE_URL", validate=IS_POSTGRES),
        redis_url=env.str("REDIS_URL", validate=IS_REDIS),
        storage_url=env.str(
            "STORAGE_URL", f"file://{home}/files", validate=HasScheme("file", "s3")
        ),
        public_url=env.str("PUBLIC_URL", "http://127.0.0.1:8080", validate=IS_HTTP),
        allowed_hosts=env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"]),
        chat=InferenceServer(
            url=env.str("INFERENCE_URL", ""),
            api_key=env.str("INFERENCE_API_KEY", ""),
            model=env.str("INFERENCE_MODEL", ""),
        ),
        chat_context_tokens=env.int(
            "INFERENCE_CONTEXT_TOKENS", 8192, validate=validate.Range(min=256)
        ),
        chat_prompt_tokens=env.int(
            "INFERENCE_PROMPT_TOKENS", 6000, validate=validate.Range(min=64)
        ),
        chat_output_tokens=env.int("INFERENCE_OUTPUT_TOKENS", 1024, validate=validate.Range(min=1)),
        chat_concurrency=env.int("INFERENCE_CONCURRENCY", 16, validate=validate.Range(min=1)),
        chat_first_token_seconds=env.int(
            "INFERENCE_FIRST_TOKEN_SECONDS", 60, validate=validate.Range(min=1)
        ),
        chat_discovery=env.str(
            "INFERENCE_DISCOVERY", "none", validate=validate.OneOf(["none", "dns"])
        ),
        chat_protocol=env.str(
            "INFERENCE_PROTOCOL", "openai", validate=validate.OneOf(INFERENCE_PROTOCOLS)
        ),
        chat_model_notes=env.str("INFERENCE_NOTES", ""),
        chat_writes_titles=env.bool("INFERENCE_TITLES", None),
        embedding=InferenceServer(
            url=env.str("EMBEDDING_URL", ""),
            api_key=env.str("EMBEDDING_API_KEY", ""),
            model=env.str("EMBEDDING_MODEL", ""),
        ),
        sign_up_open=env.bool("SIGN_UP_OPEN", False),
        upload_limit_megabytes=env.int("UPLOAD_LIMIT_MB", 200, validate=validate.Range(min=1)),
        unfinished_documents_limit=env.int(
            "UNFINISHED_DOCUMENTS_LIMIT", 10_000, validate=validate.Range(min=1)
        ),
        unfinished_fetches_limit=env.int(
            "UNFINISHED_FETCHES_LIMIT", 1000, validate=validate.Range(min=1)
        ),
        pages_limit=env.int("PAGES_LIMIT", 2000, validate=validate.Range(min=1)),
        request_limit_per_minute=env.int(
            "REQUEST_LIMIT_PER_MINUTE", 600, validate=validate.Range(min=1)
        ),
        question_limit_per_minute=env.int(
            "QUESTION_LIMIT_PER_MINUTE", 60, validate=validate.Range(min=1)
        ),
        tokens_per_day=env.int("TOKENS_PER_DAY", 0, validate=validate.Range(min=0)),
        key_tokens_per_day=env.int("KEY_TOKENS_PER_DAY", 0, validate=validate.Range(min=0)),
        api_conversation_days=env.int(
            "API_CONVERSATION_DAYS", 30, validate=validate.Range(min=0, max=36_500)
        ),
        outbound_private_hosts=_private_hosts(
            env.list("OUTBOUND_PRIVATE_HOSTS", [], validate=_name_hosts)
        ),
        tessdata=env.str("TESSDATA_PREFIX", ""),
        ocr_engines=env.list("OCR_ENGINES", [TESSERACT], validate=_name_engines),
        rapidocr_model=env.str("RAPIDOCR_MODEL", ""),
        vision=InferenceServer(
            url=env.str("OCR_VISION_URL", "", validate=_if_set(IS_HTTP)),
            api_key=env.str("OCR_VISION_API_KEY", ""),
            model=env.str("OCR_VISION_MODEL", ""),
        ),
        clamav_url=env.str("CLAMAV_URL", "", validate=_if_set(HasScheme("tcp", "unix"))),
        log_level=env.str(
            "LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])
        ),
        log_format=env.str("LOG_FORMAT", "text", validate=validate.OneOf(["text", "json"])),
        metrics_token=env.str("METRICS_TOKEN", "", validate=_if_set(validate.Length(min=16))),
        metrics_port=env.int("METRICS_PORT", 0, validate=validate.Range(min=0, max=65535)),
        traces_endpoint=env.str("OTEL_EXPORTER_OTLP_ENDPOINT", "", validate=_if_set(IS_HTTP)),
        debug=env.bool("DEBUG", False),
    )
    seal(env)
    return environment


def home_folder() -> Path:
    """The folder that `manage.py up` keeps everything in."""
    return Path(os.environ.get("BRAINSTEM_HOME") or _PROJECT / ".brainstem").absolute()


def seal(env: Env) -> None:
    """Ends the reading; raises EnvironmentMistake with all that was wrong."""
    try:
        env.seal()
    except EnvError as error:
        raise EnvironmentMistake(_lines(error)) from error


class HasScheme(validate.Validator):
    """An address with one of the schemes; hosts without a dot are fine."""

    def __init__(self, *schemes: str) -> None:
        self.schemes = schemes

    def __call__(self, value: str) -> str:
        if urlsplit(value).scheme not in self.schemes:
            raise ValidationError(f"Must begin with {' or '.join(self.schemes)}://.")
        return value


def _if_set(check: Callable[[str], str]) -> Callable[[str], str]:
    return lambda value: check(value) if value else value


def _name_hosts(entries: list[str]) -> None:
    try:
        PrivateHosts.of(entries)
    except ValueError as error:
        raise ValidationError("Name hosts, or networks such as 10.1.0.0/16.") from error


def _name_engines(entries: list[str]) -> None:
    if not entries or len({*entries} & {*ENGINES}) < len(entries):
        raise ValidationError(f"Name one or more of {', '.join(ENGINES)}, each once.")


def _private_hosts(entries: list[str] | None) -> PrivateHosts:
    """None: the variable is wrong, which is told at the end of the reading."""
    return PrivateHosts.of(entries or [])


IS_HTTP = validate.URL(schemes={"http", "https"}, require_tld=False)
IS_MODEL_SERVER = HasScheme("http", "https", "grpc", "grpcs")
IS_POSTGRES = HasScheme("postgres", "postgresql")
IS_REDIS = HasScheme("redis", "rediss", "unix")


def _lines(error: EnvError) -> str:
    found = getattr(error, "error_messages", None) or {"environment": [str(error)]}
    return "\n".join(f"{name}: {' '.join(map(str, said))}" for name, said in found.items())
