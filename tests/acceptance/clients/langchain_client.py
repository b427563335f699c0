"""LangChain's ChatOpenAI, and LangChain's own standard tests of a chat model.

What a test wants to hear is in its script: the model is a scripted one. Left out is what isn't
there (images, audio, files), what only a model that thinks can pass, and a benchmark.
"""

import json

import pytest
from conftest import Script
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

CHINESE, JAPANESE = "你好啊集团", "こんにちは株式会社"
WORDS = "The brainstem keeps the body breathing."


def _call(name: str, **arguments: object) -> dict[str, object]:
    call = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"tool_calls": [call], "text": ""}


_JOKE = {"text": json.dumps({"setup": "Why?", "punchline": "Because."})}
SCRIPTS: dict[str, dict[str, object]] = {
    "test_tool_calling": _call("magic_function", input=3),
    "test_tool_calling_async": _call("magic_function", input=3),
    "test_tool_choice": _call("magic_function", input=3),
    "test_bind_runnables_as_tools": _call("greeting_generator", answer_style="pirate"),
    "test_tool_calling_with_no_arguments": _call("magic_function_no_args"),
    "test_unicode_tool_call_integration": _call(
        "unicode_customer", customer_name=f"{CHINESE} {JAPANESE}"
    ),
    "test_structured_output": _JOKE,
    "test_structured_output_async": _JOKE,
    "test_structured_output_optional_param": _JOKE,
    "test_structured_output_pydantic_2_v1": _call("Joke", setup="Why?", punchline="Because.")
    | _JOKE,
    "test_json_mode": _JOKE,
}


class TestStandard(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, object]:
        return {"model": "Scripted", "timeout": 20, "max_retries": 0, "stream_usage": True}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "Scripted too"

    @pytest.fixture(autouse=True)
    def _scripted(self, request: pytest.FixtureRequest, script: Script) -> None:
        name = request.node.originalname
        script(**SCRIPTS.get(name, {"text": WORDS, "rate": 500}))

    @pytest.mark.xfail(reason="needs a model that decides when to stop calling")
    def test_agent_loop(self, model: BaseChatModel) -> None:
        super().test_agent_loop(model)


class TestChatOpenAI:
    def test_shows_what_a_brain_cites(self, script: Script, brain: str) -> None:
        script(text="It breathes [1].")
        model = ChatOpenAI(model=brain, timeout=20, max_retries=0)

        answer = model.invoke("What keeps the body breathing?")

        assert answer.content == "It breathes [1]."

    def test_streams_a_brain(self, script: Script, brain: str) -> None:
        script(text="It breathes [1].", rate=200)
        model = ChatOpenAI(model=brain, timeout=20, max_retries=0)

        pieces = list(model.stream("What keeps the body breathing?"))

        assert "".join(str(piece.content) for piece in pieces) == "It breathes [1]."
