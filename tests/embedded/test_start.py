"""What the processes are told, and what each start runs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.embedded.home import Secrets
from chatbot.embedded.stack import processes
from chatbot.embedded.start import PORT_NAMES, Start
from chatbot.embedded.wanted import Wanted

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = PROJECT / "chatbot" / "settings"
READ = re.compile(r'env\.(?:str|int|bool|list|path)\(\s*"([A-Z_]+)"')
ONLY_AT_A_START = {"BRAINSTEM_ADMIN_EMAIL", "BRAINSTEM_ADMIN_PASSWORD"}
STOP_SECONDS = 10


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    return Wanted(
        home=tmp_path,
        bind="127.0.0.1",
        port=8080,
        public_url="",
        allowed_hosts=[],
        database_url="",
        redis_url="",
        inference_url="",
        embedding_url="",
        admin_email="admin@example.org",
        admin_password="",
        upload_limit_megabytes=200,
        tessdata="",
        inherited={"PATH": "/bin", "DJANGO_SETTINGS_MODULE": "chatbot.settings.embedded"},
    )


def start(wanted: Wanted) -> Start:
    ports = {name: 20800 + number for number, name in enumerate(PORT_NAMES)}
    return Start(wanted, Secrets("key", "for postgres", "for-valkey"), ports)


class TestStart:
    def test_names_its_own_servers(self, wanted: Wanted) -> None:
        environment = start(wanted).environment

        assert environment["REDIS_URL"] == "redis://:for-valkey@127.0.0.1:20801/0"
        assert environment["INFERENCE_URL"] == "http://127.0.0.1:20804/v1"
        assert environment["INFERENCE_MODEL"] == "SmolLM2-135M-Instruct"
        assert environment["EMBEDDING_URL"] == "http://127.0.0.1:20805/v1"

    def test_says_nothing_of_its_models_when_others_are_named(self, wanted: Wanted) -> None:
        url = "http://gpu:8000/v1"
        named = replace(
            wanted,
            inference_url=url,
            inherited={**wanted.inherited, "INFERENCE_URL": url, "INFERENCE_API_KEY": "k"},
        )

        environment = start(named).environment

        assert environment["INFERENCE_URL"] == url
        assert "INFERENCE_MODEL" not in environment
        assert start(named).kept_variables["INFERENCE_API_KEY"] == "k"

    def test_lets_limits_of_its_own_model_be_set(self, wanted: Wanted) -> None:
        set_ = replace(wanted, inherited={"INFERENCE_OUTPUT_TOKENS": "100"})

        assert start(set_).environment["INFERENCE_OUTPUT_TOKENS"] == "100"

    def test_leaves_settings_modules_to_the_processes(self, wanted: Wanted) -> None:
        assert "DJANGO_SETTINGS_MODULE" not in start(wanted).environment

    def test_keeps_a_proxy_out_of_the_loopback(self, wanted: Wanted) -> None:
        behind = replace(wanted, inherited={"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "a"})

        assert start(behind).environment["NO_PROXY"] == "a,127.0.0.1,localhost,[::1]"

    @pytest.mark.parametrize(
        ("bind", "address"),
        [
            ("127.0.0.1", "http://127.0.0.1:8080"),
            ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - nothing is bound
            ("::1", "http://[::1]:8080"),
            ("192.0.2.7", "http://192.0.2.7:8080"),
        ],
    )
    def test_prints_an_address_that_can_be_opened(
        self, wanted: Wanted, bind: str, address: str
    ) -> None:
        assert start(replace(wanted, bind=bind)).address == address

    def test_allows_the_host_that_people_use(self, wanted: Wanted) -> None:
        public = replace(wanted, public_url="https://brain.example.org", allowed_hosts=["intern"])

        hosts = start(public).environment["ALLOWED_HOSTS"].split(",")

        assert hosts == ["intern", "127.0.0.1", "localhost", "[::1]", "brain.example.org"]


class TestProcesses:
    def test_leave_out_what_the_environment_names(self, wanted: Wanted) -> None:
        named = replace(
            wanted,
            database_url="postgresql://db/brainstem",
            redis_url="redis://cache/0",
            inference_url="http://gpu:8000/v1",
            embedding_url="http://gpu:8001/v1",
        )

        chosen = processes(start(named))

        names = {process.name for process in chosen}
        assert not names & {"postgres", "valkey", "chat_model", "embedding_model"}
        assert all(process.after <= names for process in chosen)

    def test_stop_within_ten_seconds_even_when_nobody_obeys(self, wanted: Wanted) -> None:
        chosen = {process.name: process for process in processes(start(wanted))}

        def seconds(name: str) -> float:
            dependents = [other for other in chosen.values() if name in other.after]
            before = max((seconds(other.name) for other in dependents), default=0.0)
            return before + (0 if chosen[name].runs_once else chosen[name].stop_seconds)

        assert max(map(seconds, chosen)) < STOP_SECONDS

    def test_give_ingestion_the_lowest_priority(self, wanted: Wanted) -> None:
        nice = {process.name: process.nice for process in processes(start(wanted))}

        assert nice["ingest_worker"] == nice["ocr_worker"] == 15
        assert nice["chat_service"] == nice["chatbot"] == nice["chat_model"] == 0


class TestVariables:
    def test_are_kept_for_other_commands(self, wanted: Wanted) -> None:
        read = set(READ.findall((SETTINGS / "env.py").read_text())) - ONLY_AT_A_START
        everything = replace(wanted, inherited=dict.fromkeys(read, "x"))

        assert set(start(everything).kept_variables) >= read
