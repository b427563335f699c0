"""Programs of others at the OpenAI-compatible door; `make acceptance-clients` installs them."""

import json

import pytest

from tests.acceptance.conftest import ENVIRONMENT, NODE, PAGE, Door
from tests.fakes.script import generated

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PYTEST = (str(ENVIRONMENT / "bin" / "pytest"), "-c", "clients/pytest.ini")
LLM = str(ENVIRONMENT / "bin" / "llm")


class TestOfficialClients:
    def test_for_python(self, door: Door) -> None:
        assert "passed" in door.run(*PYTEST, "clients/openai_client.py")

    def test_for_node(self, door: Door) -> None:
        door.scripted.script(tokens=30)

        told = json.loads(door.run(str(NODE), "node/client.mjs"))

        assert told["models"][:2] == ["Scripted", "Scripted too"]
        assert told["whole"] == told["streamed"] == told["final"] == generated(30)
        assert told["stored"] == told["whole"]
        assert told["usage"]["completion_tokens"] == 30
        assert told["error"] == {"isNotFound": True, "code": "model_not_found"}


class TestLangChain:
    def test_passes_its_standard_tests(self, door: Door) -> None:
        assert "passed" in door.run(*PYTEST, "clients/langchain_client.py")


class TestCommandLine:
    @pytest.fixture(autouse=True)
    def _known_models(self, door: Door) -> None:
        folder = door.home / "llm"
        folder.mkdir()
        models = [
            {
                "model_id": name,
                "model_name": there,
                "api_base": door.variables["OPENAI_BASE_URL"],
                "api_key_name": "brainstem",
            }
            for name, there in (
                ("scripted", "Scripted"),
                ("anatomy", door.variables["BRAIN_MODEL"]),
            )
        ]
        # YAML is a superset of JSON.
        (folder / "extra-openai-models.yaml").write_text(json.dumps(models))
        keys = {"brainstem": door.variables["OPENAI_API_KEY"]}
        (folder / "keys.json").write_text(json.dumps(keys))
        door.variables["LLM_USER_PATH"] = str(folder)

    @pytest.mark.parametrize("words", [[], ["--no-stream"]], ids=["streamed", "whole"])
    def test_answers(self, words: list[str], door: Door) -> None:
        door.scripted.script(tokens=20, rate=200)

        said = door.run(LLM, "-m", "scripted", *words, "What is a brainstem?")

        assert said.strip() == generated(20)

    def test_asks_a_brain(self, door: Door) -> None:
        door.scripted.script(text="It breathes [1].")

        said = door.run(LLM, "-m", "anatomy", "What keeps the body breathing?")

        assert said.strip() == "It breathes [1]."
        assert PAGE in door.scripted.requests()[-1]["messages"][-1]["content"]
