"""An embedding server in a thread of the test: what it says of itself, and how it fails, is set.

A token is a character. It speaks as vLLM, llama.cpp, TEI or the embedded server do about its
limits and about tokens, or says nothing.
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from tests.fakes.bag_of_words import embedding

MODEL = "embedder"


class Refusal(Exception):
    def __init__(self, status: int, message: str = "", *, retry_after: int | None = None) -> None:
        self.status = status
        self.message = message
        self.retry_after = retry_after


@dataclass
class EmbeddingServer:
    base_url: str = ""
    kind: str = ""
    """`vllm`, `llamacpp`, `tei`, `brainstem`; empty: one that says nothing of itself."""
    max_tokens: int = 8192
    tells_tokens: bool = True
    batch_limit: int = 1000
    """Texts of a request; more are refused."""
    seconds: float = 0.0
    """For each request."""
    dimensions: int = 16
    refusals: list[Refusal] = field(default_factory=list)
    """Each is what the next request for embeddings gets."""
    is_down: bool = False
    """Every request for embeddings fails."""
    fails_after: int | None = None
    """So many requests were answered; the others fail."""
    poison: str = "\0"
    """A text with it is refused, or answered as `poisoned` says."""
    poisoned: str = "refused"
    """`refused`: with 400; `broken`: with 500; `nan`: its vector is no numbers; `zero`: nothing but
    zeros."""
    requests: list[list[str]] = field(default_factory=list)
    """Texts of those that were answered."""
    asked: list[str] = field(default_factory=list)
    """Paths of all requests."""
    most_at_once: int = 0
    _running: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        self.asked.append(path)
        answers = {
            "/v1/models": self._models,
            "/props": self._props,
            "/info": self._info,
            "/tokenize": self._tokenize,
            "/v1/embeddings": self._embed,
        }
        return answers[path](body)

    def _models(self, _: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        if self.kind == "tei":
            raise Refusal(404, "Not Found")
        row: dict[str, Any] = {"id": MODEL, "owned_by": self.kind or "nobody"}
        if self.kind in {"vllm", "brainstem"}:
            row["max_model_len"] = self.max_tokens
        return {"data": [row]}

    def _props(self, _: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        return {"default_generation_settings": {"n_ctx": self.max_tokens}}

    def _info(self, _: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        if self.kind != "tei":
            raise Refusal(404, "Not Found")
        return {
            "max_input_length": self.max_tokens,
            "max_batch_tokens": 16384,
            "max_client_batch_size": 32,
        }

    def _tokenize(self, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        if not self.tells_tokens:
            raise Refusal(404, "Not Found")
        if self.kind == "tei":
            return [[{"id": 1}] * len(text) for text in body["inputs"]]
        if self.kind == "llamacpp":
            return {"tokens": [1] * len(body["content"])}
        return {"count": len(body["prompt"])}

    def _embed(self, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        texts: list[str] = body["input"]
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        try:
            time.sleep(self.seconds)
            self._refuse(texts)
        finally:
            with self._lock:
                self._running -= 1
        self.requests.append(texts)
        vectors = [self._vector(text) for text in texts]
        rows = [{"index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        return {"data": rows}

    def _vector(self, text: str) -> Sequence[float | None]:
        if self.poison in text:
            return [0.0 if self.poisoned == "zero" else None] * self.dimensions
        vector: list[float] = embedding(text, self.dimensions).tolist()
        return vector

    def _refuse(self, texts: list[str]) -> None:
        is_over = self.fails_after is not None and len(self.requests) >= self.fails_after
        if self.is_down or is_over:
            raise Refusal(500, "broken")
        with self._lock:
            if self.refusals:
                raise self.refusals.pop(0)
        if len(texts) > self.batch_limit:
            raise Refusal(422, f"batch size {len(texts)} > {self.batch_limit}")
        if any(len(text) > self.max_tokens for text in texts):
            raise Refusal(413, f"inputs must have less than {self.max_tokens} tokens")
        status = {"refused": 400, "broken": 500}.get(self.poisoned)
        if status and any(self.poison in text for text in texts):
            raise Refusal(status, "no")


@contextlib.contextmanager
def running_embedding_server(**fields: Any) -> Iterator[EmbeddingServer]:  # noqa: ANN401 - of EmbeddingServer
    """Serves on a port of its own while the block runs."""
    fake = EmbeddingServer(**fields)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            self._answer(orjson.loads(self.rfile.read(length)))

        def _answer(self, body: dict[str, Any]) -> None:
            try:
                self._send(200, fake.answer(self.path, body))
            except Refusal as error:
                self._send(error.status, {"error": error.message}, error.retry_after)

        def _send(self, status: int, body: object, retry_after: int | None = None) -> None:
            content = orjson.dumps(body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            if retry_after is not None:
                self.send_header("retry-after", str(retry_after))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
