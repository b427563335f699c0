"""An embedding model for the embedded stack, behind OpenAI's protocol.

`python -m chatbot.embedded.embedding_model --port 20807`. Questions never wait for documents: a
request of a few short texts runs at once on a thread of its own; all others go to a child process
that the kernel runs when nobody else wants the core, text by text, request by request in turn. (A
mere thread of low priority could be stopped while it holds the interpreter's lock.)
"""

import argparse
import asyncio
import base64
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chatbot.embedded.vectors import DIMENSIONS, MAX_TOKENS, NAME, Embedder, Vector

Embed = Callable[[str], tuple[Vector, int]]

QUESTION_TEXTS = 2
QUESTION_CHARACTERS = 1000
"""A request up to this size is a question, and goes before documents."""
TEXTS_LIMIT = 512
TEXT_CHARACTERS_LIMIT = 100_000
BODY_BYTES_LIMIT = 16 * 1024 * 1024
WAITING_LIMIT = 64
"""Requests of a kind; more are told to come again."""
RETRY_AFTER_SECONDS = 2
_BACKGROUND_NICE = 15
_PR_SET_PDEATHSIG = 1
_SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    texts: Sequence[str]
    as_base64: bool

    @property
    def is_question(self) -> bool:
        return (
            len(self.texts) <= QUESTION_TEXTS and sum(map(len, self.texts)) <= QUESTION_CHARACTERS
        )


class Lane:
    """Where one kind of request is embedded, text by text, in turn; only so many may wait."""

    def __init__(self, executor: Executor, embed: Embed) -> None:
        self._executor = executor
        self._embed = embed
        self._requests = 0

    async def embed(self, texts: Sequence[str], request: Request) -> list[tuple[Vector, int]]:
        if self._requests >= WAITING_LIMIT:
            raise HTTPException(
                503, "Too many requests wait.", {"Retry-After": str(RETRY_AFTER_SECONDS)}
            )
        self._requests += 1
        loop = asyncio.get_running_loop()
        found = []
        try:
            for text in texts:
                found.append(await loop.run_in_executor(self._executor, self._embed, text))
                if await request.is_disconnected():
                    break
        finally:
            self._requests -= 1
        return found


async def embeddings(request: Request) -> Response:
    """POST /v1/embeddings."""
    wanted = _parse(await _body(request))
    state = request.app.state
    lane: Lane = state.questions if wanted.is_question else state.documents
    found = await lane.embed(wanted.texts, request)
    tokens = sum(count for _, count in found)
    return _json(
        {
            "object": "list",
            "model": NAME,
            "data": [
                {"object": "embedding", "index": index, "embedding": _encoded(vector, wanted)}
                for index, (vector, _) in enumerate(found)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


async def models(_: Request) -> Response:
    """GET /v1/models."""
    model = {"id": NAME, "object": "model", "created": 0, "owned_by": "brainstem"}
    return _json({"object": "list", "data": [{**model, "max_model_len": MAX_TOKENS}]})


async def tokenize(request: Request) -> Response:
    """POST /tokenize, as vLLM has it, without the tokens."""
    text = (await _body(request)).get("prompt")
    if not isinstance(text, str) or len(text) > TEXT_CHARACTERS_LIMIT:
        message = f"`prompt` must be a text of at most {TEXT_CHARACTERS_LIMIT} characters."
        raise HTTPException(400, message)
    count = await asyncio.to_thread(request.app.state.count, text)
    return _json({"count": count, "max_model_len": MAX_TOKENS})


async def health(_: Request) -> Response:
    return _json({"status": "ok"})


async def problem(_: Request, error: Exception) -> Response:
    """Errors in OpenAI's form."""
    if not isinstance(error, HTTPException):
        raise error
    kind = "invalid_request_error" if error.status_code < _SERVER_ERRORS else "server_error"
    body = {"error": {"message": error.detail, "type": kind, "code": error.status_code}}
    return _json(body, status=error.status_code, headers=error.headers)


async def end(_: Request, __: Exception) -> Response:
    """The child has died: start anew as a whole, which the supervisor sees to."""
    os._exit(1)


def build_app(embedder: Embedder) -> Starlette:
    """The server; call it before any thread runs, because it forks the child for documents."""
    child = ProcessPoolExecutor(1, get_context("fork"), _begin_child, (embedder, os.getpid()))
    child.submit(_embed_in_child, "").result()
    app = Starlette(
        routes=[
            Route("/v1/embeddings", embeddings, methods=["POST"]),
            Route("/v1/models", models),
            Route("/tokenize", tokenize, methods=["POST"]),
            Route("/health", health),
        ],
        exception_handlers={HTTPException: problem, BrokenExecutor: end},
    )
    app.state.questions = Lane(ThreadPoolExecutor(1, "questions"), embedder.embed)
    app.state.documents = Lane(child, _embed_in_child)
    app.state.count = embedder.count
    return app


async def _body(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES_LIMIT:
            raise HTTPException(413, f"The body is larger than {BODY_BYTES_LIMIT} bytes.")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "The body is not an object.")
    return body


def _parse(body: dict[str, Any]) -> Wanted:
    texts = body.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise HTTPException(400, "`input` must be a text or a list of texts.")
    if not 0 < len(texts) <= TEXTS_LIMIT:
        raise HTTPException(400, f"`input` must have 1 to {TEXTS_LIMIT} texts.")
    if any(len(text) > TEXT_CHARACTERS_LIMIT for text in texts):
        raise HTTPException(400, f"A text is longer than {TEXT_CHARACTERS_LIMIT} characters.")
    if body.get("dimensions") not in (None, DIMENSIONS):
        raise HTTPException(400, f"`dimensions` can only be {DIMENSIONS}.")
    return Wanted(texts, as_base64=body.get("encoding_format") == "base64")


def _encoded(vector: Vector, wanted: Wanted) -> str | Vector:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode() if wanted.as_base64 else vector


def _json(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(content, status, headers, media_type="application/json")


_in_child: dict[str, Embedder] = {}
"""The child's copy of the model: the pages are the parent's."""


def _begin_child(embedder: Embedder, parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.nice(_BACKGROUND_NICE)
    _in_child["embedder"] = embedder


def _embed_in_child(text: str) -> tuple[Vector, int]:
    return _in_child["embedder"].embed(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    wanted = parser.parse_args()
    uvicorn.run(
        build_app(Embedder()),
        host=wanted.host,
        port=wanted.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
