"""One start of the stack: what was asked for, what was generated, and what processes are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from chatbot.embedded import tessdata
from chatbot.embedded.home import Secrets
from chatbot.embedded.wanted import Wanted

PORT_NAMES = ("postgres", "valkey", "chatbot", "chat_service", "chat_model", "embedding_model")
CHAT_MODEL = {
    "INFERENCE_MODEL": "SmolLM2-135M-Instruct",
    "INFERENCE_CONTEXT_TOKENS": "2048",
    "INFERENCE_PROMPT_TOKENS": "400",
    "INFERENCE_OUTPUT_TOKENS": "400",
    "INFERENCE_CONCURRENCY": "2",
    "INFERENCE_NOTES": (
        "A very small model for a first try: English only, often wrong."
        " A better server is named with INFERENCE_URL."
    ),
}
EMBEDDING_MODEL = {"EMBEDDING_MODEL": "brainstem-small-640"}
FURTHER_VARIABLES = (
    "STORAGE_URL",
    "SIGN_UP_OPEN",
    "UPLOAD_LIMIT_MB",
    "PAGES_LIMIT",
    "REQUEST_LIMIT_PER_MINUTE",
    "QUESTION_LIMIT_PER_MINUTE",
    "TOKENS_PER_DAY",
    "KEY_TOKENS_PER_DAY",
    "API_CONVERSATION_DAYS",
    "UNFINISHED_DOCUMENTS_LIMIT",
    "UNFINISHED_FETCHES_LIMIT",
    "OUTBOUND_PRIVATE_HOSTS",
    "OCR_ENGINES",
    "RAPIDOCR_MODEL",
    "OCR_VISION_URL",
    "OCR_VISION_MODEL",
    "OCR_VISION_API_KEY",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "METRICS_TOKEN",
    "METRICS_PORT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "CLAMAV_URL",
    "DEBUG",
)
"""What the stack only passes on, and keeps for `manage.py shell`."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_NOT_PASSED_ON = ("DJANGO_SETTINGS_MODULE", "BRAINSTEM_ADMIN_PASSWORD", "MAKEFLAGS", "MAKELEVEL")
_FOR_LIBRARIES = {
    "PYTHONUNBUFFERED": "1",
    # A heap for every thread costs more memory than it saves time here.
    "MALLOC_ARENA_MAX": "2",
    # Libraries that would start a thread per core: the processes share the cores already.
    "OMP_NUM_THREADS": "1",
    "OMP_THREAD_LIMIT": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "DO_NOT_TRACK": "true",
}


@dataclass(frozen=True, slots=True)
class Start:
    wanted: Wanted
    secrets: Secrets
    ports: Mapping[str, int]

    @property
    def address(self) -> str:
        """Where people on this machine go."""
        return address(self.wanted.bind, self.wanted.port)

    @property
    def database_url(self) -> str:
        password, port = self.secrets.postgres_password, self.ports["postgres"]
        own = f"postgresql://brainstem:{password}@127.0.0.1:{port}/postgres"
        return self.wanted.database_url or own

    @property
    def redis_url(self) -> str:
        own = f"redis://:{self.secrets.valkey_password}@127.0.0.1:{self.ports['valkey']}/0"
        return self.wanted.redis_url or own

    @property
    def kept_variables(self) -> dict[str, str]:
        """The environment file: what `manage.py shell` needs, and the secrets of the next start."""
        given = self.wanted.inherited
        return {
            **{name: given[name] for name in FURTHER_VARIABLES if name in given},
            **self._variables(),
            "EMBEDDED_POSTGRES_PASSWORD": self.secrets.postgres_password,
            "EMBEDDED_VALKEY_PASSWORD": self.secrets.valkey_password,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a process of ours."""
        given = {
            name: value
            for name, value in self.wanted.inherited.items()
            if name not in _NOT_PASSED_ON
        }
        proxied_not = [*filter(None, [given.get("NO_PROXY", "")]), *_LOOPBACK]
        no_proxy = ",".join(proxied_not)
        return {
            **_FOR_LIBRARIES,
            **given,
            **self._variables(),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def _variables(self) -> dict[str, str]:
        public_url = self.wanted.public_url or self.address
        hosts = [*self.wanted.allowed_hosts, *_LOOPBACK, urlsplit(public_url).hostname or ""]
        return {
            "BRAINSTEM_HOME": str(self.wanted.home),
            "SECRET_KEY": self.secrets.secret_key,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "PUBLIC_URL": public_url,
            "ALLOWED_HOSTS": ",".join(dict.fromkeys(filter(None, hosts))),
            "TESSDATA_PREFIX": tessdata.folder(self.wanted.tessdata),
            **self._model_server("INFERENCE", self.wanted.inference_url, "chat_model", CHAT_MODEL),
            **self._model_server(
                "EMBEDDING", self.wanted.embedding_url, "embedding_model", EMBEDDING_MODEL
            ),
        }

    def _model_server(
        self, prefix: str, named: str, port_name: str, own: Mapping[str, str]
    ) -> dict[str, str]:
        """Variables of our server, unless one was named; what was given goes before."""
        url = f"http://127.0.0.1:{self.ports[port_name]}/v1"
        given = {
            name: value
            for name, value in self.wanted.inherited.items()
            if name.startswith(f"{prefix}_") and value
        }
        return given if named else {f"{prefix}_URL": url, **own, **given}


def address(bind: str, port: int) -> str:
    """Where a server that listens there is reached from this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    host = everywhere.get(bind, bind)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
