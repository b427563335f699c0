"""The fake keeps what it promises; other tests lean on it."""

import math
import operator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.fakes.bag_of_words import embedding
from tests.fakes.script import Script, generated, tokens_of

if TYPE_CHECKING:
    from array import array

    from tests.fakes.scripted_server import ScriptedServer


def ask(server: "ScriptedServer", *messages: dict[str, str], **fields: object) -> dict[str, Any]:
    body = {"model": "any", "messages": messages, **fields}
    response = httpx.post(f"{server.base_url}/chat/completions", json=body, timeout=10)
    answer: dict[str, Any] = response.json()
    return answer


def similarity(one: "array[float]", other: "array[float]") -> float:
    return math.fsum(map(operator.mul, one, other))


class TestScript:
    @pytest.mark.parametrize("language", ["en", "ko"])
    def test_tokens_joined_are_the_text(self, language: str) -> None:
        text = generated(100, language)

        tokens = tokens_of(text)

        assert len(tokens) == 100
        assert "".join(tokens) == text

    @pytest.mark.parametrize("text", ["a  b\n\nc ", "", "  ", "하나 둘\n"])
    def test_keeps_every_space(self, text: str) -> None:
        assert "".join(tokens_of(text)) == text

    def test_reads_a_directive_out_of_a_question(self) -> None:
        script = Script(rate=50).with_directive('What? [[script {"tokens": 3}]] Thank you.')

        assert script == Script(rate=50, tokens=3)


class TestScriptedServer:
    def test_answers_the_same_to_everybody(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(tokens=30)

        answer = ask(scripted_server, {"role": "user", "content": "anything"})

        assert answer["choices"][0]["message"]["content"] == generated(30)
        assert answer["choices"][0]["finish_reason"] == "stop"
        assert answer["usage"]["completion_tokens"] == 30

    def test_cites(self, scripted_server: "ScriptedServer") -> None:
        scripted_server.script(tokens=30)

        answer = ask(scripted_server, {"role": "user", "content": "anything"})

        assert "[1]" in answer["choices"][0]["message"]["content"]

    def test_ends_at_the_limit_of_the_request(self, scripted_server: "ScriptedServer") -> None:
        answer = ask(scripted_server, {"role": "user", "content": "Hi"}, max_tokens=4)

        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 4

    @pytest.mark.parametrize("cut", [0, 1, 17, 40, 110])
    def test_continues_with_exactly_the_rest(
        self, scripted_server: "ScriptedServer", cut: int
    ) -> None:
        whole = generated(40, "ko")
        scripted_server.script(tokens=40, language="ko")

        answer = ask(
            scripted_server,
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": whole[:cut]},
            continue_final_message=True,
            add_generation_prompt=False,
        )

        assert whole[:cut] + answer["choices"][0]["message"]["content"] == whole

    def test_refuses_to_continue_another_text(self, scripted_server: "ScriptedServer") -> None:
        answer = ask(
            scripted_server,
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Something else"},
            continue_final_message=True,
            add_generation_prompt=False,
        )

        assert "not the beginning" in answer["error"]["message"]

    def test_tells_of_a_wrong_directive(self, scripted_server: "ScriptedServer") -> None:
        answer = ask(scripted_server, {"role": "user", "content": '[[script {"x": 1}]]'})

        assert answer["error"]["message"] == "unknown fields: x"

    def test_remembers_the_requests(self, scripted_server: "ScriptedServer") -> None:
        ask(scripted_server, {"role": "user", "content": "Remember me"})

        assert scripted_server.requests()[-1]["messages"][0]["content"] == "Remember me"
        assert scripted_server.stats()["chat_requests"] == 1


class TestBagOfWords:
    def test_puts_similar_texts_near(self) -> None:
        question, near, far = (
            embedding(text)
            for text in (
                "환불 기간은 며칠인가요?",
                "환불은 구매 후 14일의 기간 안에 할 수 있습니다.",
                "The office opens at nine.",
            )
        )

        assert similarity(question, near) > 0.15 > similarity(question, far)

    def test_has_unit_length(self) -> None:
        vector = embedding("one two three")

        assert math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-6)
