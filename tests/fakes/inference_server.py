"""A scripted inference server that speaks all protocols over HTTP: an ASGI app for tests, benches.

    python -m tests.fakes.inference_server --port 9100 --delay-ms 50 --rate 50 --tokens 200

OpenAI's `/v1/models`, `/v1/chat/completions` (streamed or not), `/v1/embeddings`; Anthropic's
`/v1/messages`; Triton's `/v2/models/…/generate_stream`; sessions at `/session`; Triton's gRPC on
a port of its own, after `POST /grpc`, which names it. And for the one
who holds the script: `POST /script` (fields of `Script`; replaces what was posted before),
`GET /stats`, `GET /requests` (the last chat requests), `GET /hang-ups` (when clients went away
before the end, by what they had asked), `POST /reset` (sessions are lost, too). Any
model name is accepted.

An answer depends on the script alone. A request whose last message is the beginning of that answer,
with `continue_final_message`, gets exactly the rest: take-overs can be checked byte by byte.
"""

import argparse
import asyncio
import base64
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import orjson
import uvicorn

from tests.fakes.anthropic_answer import AnthropicAnswer
from tests.fakes.bag_of_words import embedding
from tests.fakes.script import Script, UnknownScript
from tests.fakes.scripted_answer import CHAT_MODEL, Answer, Receive, Refused, Send, Stats, send_json
from tests.fakes.session_answer import SessionAnswer
from tests.fakes.triton_answer import TritonAnswer

EMBEDDING_MODEL = "scripted-embedding"
REQUESTS_KEPT = 100
Handler = Callable[[bytes, Receive, Send], Awaitable[None]]
_MODEL_OR_SESSION = re.compile(r"^(/v2/models/|/session/)[^/]+")


@dataclass(slots=True)
class ScriptedInference:
    """The ASGI application."""

    defaults: Script = field(default_factory=Script)
    api_key: str = ""
    """If set, `/v1` wants it as a bearer token."""
    slots: int = 0
    """Answers at once; more get 503. 0: any number."""
    owned_by: str = "scripted"
    context_tokens: int | None = None
    """What `/v1/models` tells of it, in vLLM's way."""
    stats: Stats = field(default_factory=Stats)
    requests: deque[Any] = field(default_factory=lambda: deque(maxlen=REQUESTS_KEPT))
    hang_ups: dict[str, float] = field(default_factory=dict)
    """By the monotonic clock, which all processes of a machine share."""
    sessions: dict[str, str] = field(default_factory=dict)
    """What each session remembers."""
    _posted: dict[str, Any] = field(default_factory=dict)
    _grpc: list[Any] = field(default_factory=list)
    """The service and its port, once somebody wants them."""

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        path = _MODEL_OR_SESSION.sub(r"\1*", scope["path"])
        routes: dict[tuple[str, str], Handler] = {
            ("GET", "/v1/models"): self._models,
            ("GET", "/metrics"): self._metrics,
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/embeddings"): self._embeddings,
            ("POST", "/v1/messages"): partial(self._chat, kind=AnthropicAnswer),
            ("POST", "/v2/models/*/generate_stream"): partial(self._chat, kind=TritonAnswer),
            ("GET", "/v2/models/*/ready"): self._ready,
            ("GET", "/v2/health/ready"): self._ready,
            ("GET", "/session"): self._sessions,
            ("POST", "/session"): self._make_session,
            ("POST", "/session/*/message"): partial(self._say, scope["path"]),
            ("POST", "/session/*/abort"): self._abort,
            ("POST", "/script"): self._set_script,
            ("POST", "/reset"): self._reset,
            ("POST", "/grpc"): self._listen_grpc,
            ("GET", "/stats"): self._stats,
            ("GET", "/requests"): self._requests,
            ("GET", "/hang-ups"): self._hang_ups,
        }
        handler = routes.get((scope["method"], path), self._not_found)
        try:
            if path.startswith(("/v1", "/v2", "/session")):
                self._check_key(scope)
            await handler(await _body(receive), receive, send)
        except Refused as error:
            body = {"error": {"message": error.message, "type": "error", "code": error.status}}
            headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
            await send_json(send, body, status=error.status, headers=headers)

    def _check_key(self, scope: MutableMapping[str, Any]) -> None:
        headers = dict(scope["headers"])
        is_anthropic = b"anthropic-version" in headers
        sent = headers.get(b"x-api-key" if is_anthropic else b"authorization", b"").decode()
        if self.api_key and sent.removeprefix("Bearer ") != self.api_key:
            raise Refused(401, f"Incorrect API key provided: {sent}")

    async def _not_found(self, _body: bytes, _receive: Receive, _send: Send) -> None:
        raise Refused(404, "Not Found")

    # --- for the one who holds the script ---

    async def _set_script(self, body: bytes, _receive: Receive, send: Send) -> None:
        changes = orjson.loads(body)
        try:
            script = self.defaults.with_fields(changes)
        except UnknownScript as error:
            raise Refused(400, str(error)) from error
        self._posted = changes
        await send_json(send, asdict(script))

    async def _reset(self, _body: bytes, _receive: Receive, send: Send) -> None:
        self._posted = {}
        self.requests.clear()
        self.hang_ups.clear()
        self.sessions.clear()
        self.stats = Stats(running=self.stats.running)
        await send_json(send, {})

    async def _stats(self, _body: bytes, _receive: Receive, send: Send) -> None:
        await send_json(send, asdict(self.stats))

    async def _requests(self, _body: bytes, _receive: Receive, send: Send) -> None:
        await send_json(send, list(self.requests))

    async def _hang_ups(self, _body: bytes, _receive: Receive, send: Send) -> None:
        await send_json(send, self.hang_ups)

    async def _listen_grpc(self, _body: bytes, _receive: Receive, send: Send) -> None:
        if not self._grpc:
            from tests.fakes.triton_grpc import TritonGRPC  # noqa: PLC0415 - grpcio is 16 MB

            service = TritonGRPC(self)
            self._grpc = [service, await service.start()]
        await send_json(send, {"port": self._grpc[1]})

    # --- what a model server has ---

    async def _metrics(self, _body: bytes, _receive: Receive, send: Send) -> None:
        queue = self.defaults.with_fields(self._posted).queue
        if queue is None:
            raise Refused(404, "Not Found")
        lines = [
            "# TYPE vllm:num_requests_waiting gauge",
            f'vllm:num_requests_waiting{{engine="0",model_name="{CHAT_MODEL}"}} {queue - 1:.1f}',
            f'vllm:num_requests_waiting{{engine="1",model_name="{CHAT_MODEL}"}} 1.0',
            'vllm:num_requests_running{engine="0"} 8.0',
        ]
        headers = [(b"content-type", b"text/plain; version=0.0.4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": "\n".join(lines).encode()})

    async def _models(self, _body: bytes, _receive: Receive, send: Send) -> None:
        if status := self.defaults.with_fields(self._posted).models_status:
            raise Refused(status, "scripted error")
        row = {
            "object": "model",
            "created": 1,
            "owned_by": self.owned_by,
            "max_model_len": self.context_tokens,
        }
        served = [{"id": name, **row} for name in (CHAT_MODEL, EMBEDDING_MODEL)]
        await send_json(send, {"object": "list", "data": served})

    async def _embeddings(self, body: bytes, _receive: Receive, send: Send) -> None:
        request = orjson.loads(body)
        texts = [request["input"]] if isinstance(request["input"], str) else request["input"]
        script = self.defaults.with_fields(self._posted)
        self.stats.embedding_requests += 1
        _refuse_if_scripted(script)
        await asyncio.sleep(script.embedding_delay_ms / 1000)
        self.stats.texts_embedded += len(texts)
        if script.refuses_base64 and request.get("encoding_format") == "base64":
            raise Refused(400, "encoding_format: only float is supported")
        encode = _as_base64 if request.get("encoding_format") == "base64" else _as_floats
        data = [
            {"object": "embedding", "index": index, "embedding": encode(text)}
            for index, text in enumerate(texts)
        ]
        words = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": words, "total_tokens": words}
        answer = {"object": "list", "data": data, "model": request.get("model"), "usage": usage}
        await send_json(send, answer)

    async def _ready(self, _body: bytes, _receive: Receive, send: Send) -> None:
        _refuse_if_scripted(self.defaults.with_fields(self._posted))
        await send_json(send, {})

    async def _sessions(self, _body: bytes, _receive: Receive, send: Send) -> None:
        await send_json(send, [{"id": name} for name in self.sessions])

    async def _make_session(self, _body: bytes, _receive: Receive, send: Send) -> None:
        self.stats.sessions_made += 1
        name = f"ses-{self.stats.sessions_made}"
        self.sessions[name] = ""
        await send_json(send, {"id": name, "title": "scripted"})

    async def _say(self, path: str, body: bytes, receive: Receive, send: Send) -> None:
        name = path.split("/")[2]
        if name not in self.sessions:
            raise Refused(404, "no such session")
        self.sessions[name] += SessionAnswer.question(orjson.loads(body))
        await self._chat(body, receive, send, kind=SessionAnswer)

    async def _abort(self, _body: bytes, _receive: Receive, send: Send) -> None:
        self.stats.aborts_asked += 1
        await send_json(send, {})

    async def _chat(
        self, body: bytes, receive: Receive, send: Send, *, kind: type[Answer] = Answer
    ) -> None:
        request = orjson.loads(body)
        self.stats.chat_requests += 1
        self.requests.append(request)
        question = kind.question(request)
        script = self._script_of(question)
        _refuse_if_scripted(script)
        _refuse_large_pictures(script, request)
        if self.slots and self.stats.running >= self.slots:
            raise Refused(503, "no free slot", retry_after=1)
        answer = kind(script, request, self.stats)
        reply = answer.stream if answer.is_streamed else answer.whole
        self.stats.running += 1
        try:
            await _until_disconnect(reply(send), receive)
        except asyncio.CancelledError:
            self.stats.aborted += 1
            self.hang_ups[question] = time.monotonic()
        else:
            self.stats.finished += 1
        finally:
            self.stats.running -= 1

    def _script_of(self, question: str) -> Script:
        try:
            return self.defaults.with_fields(self._posted).with_directive(question)
        except UnknownScript as error:
            raise Refused(400, str(error)) from error


def _refuse_if_scripted(script: Script) -> None:
    if script.error_status is not None:
        raise Refused(script.error_status, script.error_message, script.retry_after)


def _refuse_large_pictures(script: Script, request: dict[str, Any]) -> None:
    parts = [
        part
        for message in request.get("messages", [])
        if isinstance(message["content"], list)
        for part in message["content"]
    ]
    sizes = [len(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"]
    if script.largest_picture is not None and max(sizes, default=0) > script.largest_picture:
        raise Refused(400, "The picture can't be processed.")


def _as_base64(text: str) -> str:
    return base64.b64encode(embedding(text).tobytes()).decode()


def _as_floats(text: str) -> list[float]:
    return embedding(text).tolist()


async def _until_disconnect(reply: Awaitable[None], receive: Receive) -> None:
    """Runs the reply and cancels it when the client goes away."""
    replying = asyncio.ensure_future(reply)
    listening = asyncio.ensure_future(receive())
    listening.add_done_callback(lambda _: replying.cancel())
    try:
        await replying
    finally:
        listening.cancel()


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.inference_server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--api-key", default="")
    parser.add_argument("--owned-by", default="scripted", help="whom /v1/models names")
    parser.add_argument("--context-tokens", type=int, help="what /v1/models tells")
    parser.add_argument("--slots", type=int, default=0, help="answers at once; more get 503")
    parser.add_argument("--delay-ms", type=float, default=0, help="before the first token")
    parser.add_argument("--rate", type=float, default=0, help="tokens a second; 0: at once")
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--language", choices=["en", "ko"], default="en")
    parser.add_argument("--embedding-delay-ms", type=float, default=0)
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    script = Script(
        delay_ms=given.delay_ms,
        rate=given.rate,
        tokens=given.tokens,
        language=given.language,
        embedding_delay_ms=given.embedding_delay_ms,
    )
    uvicorn.run(
        ScriptedInference(
            defaults=script,
            api_key=given.api_key,
            slots=given.slots,
            owned_by=given.owned_by,
            context_tokens=given.context_tokens,
        ),
        host=given.host,
        port=given.port,
        log_level="critical",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        ws="none",
    )


if __name__ == "__main__":
    main()
