"""A real vLLM under the connector and the chat service; `make acceptance-vllm` runs it.

Pytest doesn't find this file by itself, and CI doesn't name it: vLLM takes 2 GB and a minute for
each start.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.embedded import weights
from chatbot.inference.connectors.errors import BadRequest, ServerGone
from chatbot.inference.connectors.protocol import Finished, ReasoningDelta, ToolCallDelta
from tests.acceptance.model_server_tests import ChatServiceTests, ConnectorTests, broken_off
from tests.acceptance.model_servers import MODEL, ModelServer, ask, stopped_at_the_end
from tests.child_processes import PROJECT
from tests.inference.connectors.streams import collect, collect_until_error, text_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

ENVIRONMENT = PROJECT / ".venv-vllm"
PYTHON = ENVIRONMENT / "bin" / "python"
FOLDER = ENVIRONMENT / "share" / MODEL
VARIABLES = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_USE_AOT_COMPILE": "0",
}
SLOTS = 4
CONTEXT_TOKENS = 4096
STEP_TOKENS = 128
"""Of a prompt that are read in one go: what a stop waits for. A graphics card reads thousands."""
THINKING = {"chat_template_kwargs": {"thinking": True}}
TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "parameters": {"type": "object", "properties": {"where": {"enum": ["here", "there"]}}},
    },
}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    assert PYTHON.exists(), "make acceptance-vllm installs vLLM"
    if not FOLDER.exists():
        FOLDER.parent.mkdir(exist_ok=True)
        script = Path(__file__).with_name("weights.py")
        subprocess.run([PYTHON, script, weights.shipped(), FOLDER], check=True, timeout=600)
    options = {
        "--model": str(FOLDER),
        "--served-model-name": MODEL,
        "--host": "127.0.0.1",
        "--port": "{port}",
        "--dtype": "bfloat16",
        "--max-model-len": str(CONTEXT_TOKENS),
        "--max-num-seqs": str(SLOTS),
        "--max-num-batched-tokens": str(STEP_TOKENS),
        "--reasoning-parser": "deepseek_v3",
        "--tool-call-parser": "hermes",
    }
    words = [word for option in options.items() for word in option]
    # `vllm serve` wants a package of the name vllm; what it runs, doesn't.
    module = ["-m", "vllm.entrypoints.openai.api_server"]
    server = ModelServer(
        [str(PYTHON), *module, *words, "--enforce-eager", "--enable-auto-tool-choice"],
        log=tmp_path_factory.mktemp("vllm") / "log",
        running=re.compile(r"^vllm:num_requests_running\{.*\} (\S+)", re.MULTILINE),
        slots=SLOTS,
        context_tokens=CONTEXT_TOKENS,
        start_seconds=600,
        variables=VARIABLES,
    )
    with stopped_at_the_end(server):
        yield server


@pytest.fixture
def server(started: ModelServer) -> ModelServer:
    started.ensure_running()
    return started


class TestConnector(ConnectorTests):
    async def test_keeps_thoughts_apart(self, server: ModelServer) -> None:
        items = await collect(server.chat(), ask("Say hello.", max_tokens=8, options=THINKING))

        thoughts = [item for item in items if isinstance(item, ReasoningDelta)]
        assert "".join(thought.text for thought in thoughts)
        assert text_of(items) == ""

    async def test_takes_no_continued_answer_for_thoughts(self, server: ModelServer) -> None:
        request = ask(
            "What is the capital of France?",
            max_tokens=12,
            continue_text="The capital of France is",
            options=THINKING,
        )

        items = await collect(server.chat(), request)

        assert text_of(items).startswith(" Paris")

    async def test_passes_calls_of_functions_on(self, server: ModelServer) -> None:
        named = {"type": "function", "function": {"name": "look"}}
        options = {"tools": [TOOL], "tool_choice": named}

        items = await collect(server.chat(), ask("Look there.", options=options))

        calls = [item for item in items if isinstance(item, ToolCallDelta)]
        assert [call.name for call in calls if call.id] == ["look"]
        assert items[-1] == Finished("tool_calls")

    async def test_refuses_a_model_that_is_not_there(self, server: ModelServer) -> None:
        _, error = await collect_until_error(server.chat(), replace(ask("Hello."), model="other"))

        print(f"{error.detail}: {error.said}")
        assert type(error) is BadRequest

    async def test_is_gone_when_its_engine_is_killed_in_mid_answer(
        self, server: ModelServer
    ) -> None:
        broken = await broken_off(server, server.kill_engine)

        assert type(broken.error) is ServerGone
        # It ends by itself, and is started again for the next test.
        server.kill()


class TestChatService(ChatServiceTests):
    pass
