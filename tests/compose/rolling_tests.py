"""A new version, replica by replica, while people and programs use the stack."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.compose.conftest import on_free_ports
from tests.compose.engine import (
    PROJECT,
    VERSION,
    ComposeStack,
    docker,
    environment,
    host_address,
    inspected,
)
from tests.compose.load import ANSWER_TOKENS, Load
from tests.fakes.script import generated
from tests.fakes.scripted_server import running_scripted_server

pytestmark = [pytest.mark.timeout(1200), pytest.mark.usefixtures("images")]

NEXT = f"{VERSION}-next"
ROLL_SECONDS = 600
UNLIMITED = {
    "REQUEST_LIMIT_PER_MINUTE": "100000",
    "QUESTION_LIMIT_PER_MINUTE": "10000",
    "REQUESTS_PER_SECOND": "1000",
}
IMAGES = ("chatbot", "chat_service", "ingest_worker", "ocr_worker", "nginx")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, images: None) -> Iterator[ComposeStack]:  # noqa: ARG001 - they are built before
    for name in IMAGES:
        docker("tag", f"brainstem/{name}:{VERSION}", f"brainstem/{name}:{NEXT}")
    arguments = ("--tokens", str(ANSWER_TOKENS), "--rate", "20")
    with running_scripted_server(*arguments, host=host_address()) as server:
        port = server.address.rpartition(":")[2]
        with ComposeStack(
            tmp_path_factory.mktemp("rolling"),
            "brainstem-rolling",
            INFERENCE_URL=f"http://host.docker.internal:{port}/v1",
            **on_free_ports(),
            **UNLIMITED,
        ) as running_stack:
            yield running_stack


def rolling(stack: ComposeStack, *words: str) -> str:
    """What `make rolling` does, on this stack."""
    own = ("--project-name", stack.name, "--env-file", str(stack.env))
    command = [sys.executable, "compose/rolling.py", *own, *words]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=ROLL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def versions(stack: ComposeStack, service: str) -> list[str]:
    """Tags of the images that its containers run."""
    images = [inspected(name)["Config"]["Image"] for name in stack.containers(service)]
    return [image.rpartition(":")[2] for image in images]


class TestRolling:
    def test_replaces_every_replica_and_goes_back_without_a_failed_request_or_a_lost_answer(
        self, stack: ComposeStack
    ) -> None:
        with Load(stack, generated(ANSWER_TOKENS)) as load:
            rolling(stack, NEXT)
            there = {service: versions(stack, service) for service in ("chatbot", "chat_service")}
            rolling(stack, "--back")
            back = {service: versions(stack, service) for service in ("chatbot", "chat_service")}

        assert there == {"chatbot": [NEXT] * 2, "chat_service": [NEXT] * 2}
        assert back == {"chatbot": [VERSION] * 2, "chat_service": [VERSION] * 2}
        assert load.complaints == []
        assert min(load.done.values()) >= 5, load.done
        assert load.reconnected, "no chat was ever on a replica that went"
