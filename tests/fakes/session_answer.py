"""A scripted answer of a server that holds sessions: whole, as a message of parts."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from tests.fakes.script import Script
from tests.fakes.scripted_answer import FLUSH_SECONDS, Answer, Cut, Refused, Send, Stats

_JSON = [(b"content-type", b"application/json")]


class SessionAnswer(Answer):
    def __init__(self, script: Script, request: Mapping[str, Any], stats: Stats) -> None:
        if missing := {"providerID", "modelID", "parts"} - request.keys():
            raise Refused(400, f"missing: {sorted(missing)}")
        messages = [{"role": "user", "content": self.question(request)}]
        super().__init__(script, {"messages": messages}, stats)

    @staticmethod
    def question(request: Mapping[str, Any]) -> str:
        return "\n".join(part["text"] for part in request["parts"])

    async def whole(self, send: Send) -> None:
        script = self.script
        seconds = len(self.tokens) / script.rate if script.rate else 0
        await asyncio.sleep(script.delay_ms / 1000 + seconds)
        body = self._body()
        await send({"type": "http.response.start", "status": 200, "headers": _JSON})
        bytewise = script.cut_utf8 or (script.die_after, script.stall_after) != (None, None)
        step = 1 if bytewise else len(body)
        for place in range(0, len(body), step):
            if place == script.die_after:
                await asyncio.sleep(FLUSH_SECONDS)
                raise Cut
            if place == script.stall_after:
                await asyncio.Event().wait()
            piece = body[place : place + step]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _body(self) -> bytes:
        script = self.script
        error = {"name": "UnknownError", "data": {"message": script.error_message}}
        failed = {} if script.error_in_stream_after is None else {"error": error}
        tokens = {
            "input": self.usage["prompt_tokens"],
            "output": self.usage["completion_tokens"],
        }
        thought = [{"type": "reasoning", "text": script.reasoning}] if script.reasoning else []
        parts = [
            {"type": "step-start"},
            *thought,
            {"type": "text", "text": "".join(self.tokens)},
            {"type": "step-finish", "reason": self.finish_reason},
        ]
        info = {"id": "msg-1", "role": "assistant", "tokens": tokens, **failed}
        body = orjson.dumps({"info": info, "parts": parts})
        return body if script.malformed_after is None else body[: len(body) // 2]
