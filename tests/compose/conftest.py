"""Images built as an operator builds them, and one stack of them for all tests."""

import contextlib
import signal
import sys
from collections.abc import Iterator

import pytest

from chatbot.embedded.start import CHAT_MODEL, EMBEDDING_MODEL
from tests.compose.engine import BUILD_SECONDS, ComposeStack, host_address
from tests.servers import free_port, running


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Named `brainstem/…:test` from then on."""
    ComposeStack(tmp_path_factory.mktemp("build"), "brainstem-build").compose(
        "build", "--quiet", seconds=BUILD_SECONDS
    )


@pytest.fixture(scope="session")
def models() -> Iterator[dict[str, str]]:
    """Real small model servers beside the engine, as the variables that name them."""
    host = host_address()
    with contextlib.ExitStack() as stack:
        urls = {**CHAT_MODEL, **EMBEDDING_MODEL}
        for variable, module in (
            ("INFERENCE_URL", "chatbot.embedded.chat_model"),
            ("EMBEDDING_URL", "chatbot.embedded.embedding_model"),
        ):
            port = free_port()
            command = [sys.executable, "-m", module, "--host", host, "--port", str(port)]
            stack.enter_context(running(command, port=port, stop_signal=signal.SIGTERM, host=host))
            urls[variable] = f"http://host.docker.internal:{port}/v1"
        yield urls


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    images: None,  # noqa: ARG001 - it is built before
    models: dict[str, str],
) -> Iterator[ComposeStack]:
    with ComposeStack(
        tmp_path_factory.mktemp("stack"), "brainstem-test", **on_free_ports(), **models
    ) as running_stack:
        yield running_stack


def on_free_ports() -> dict[str, str]:
    """Variables of a stack beside others."""
    https = free_port()
    return {
        "HTTPS_PORT": str(https),
        "HTTP_PORT": str(free_port()),
        "PROMETHEUS_PORT": str(free_port()),
        "PUBLIC_URL": f"https://localhost:{https}",
    }
