"""What is in the images, and what isn't. Sizes are over the base image, in millions of bytes."""

import pytest

from tests.compose.engine import VERSION, docker, inspected

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("images")]

BASE = "python:3.13-slim-trixie"
LIMITS = {"chat_service": 100, "chatbot": 115, "ocr_worker": 130, "ingest_worker": 360}
ENTRY_POINTS = {
    "chat_service": "chat_service.asgi",
    "chatbot": "chatbot.wsgi",
    "ocr_worker": "ocr_worker.app, ocr_worker.tasks",
    "ingest_worker": "ingest_worker.app, ingest_worker.tasks",
}
HEAVY = ("unstructured", "langchain_text_splitters", "pypdfium2", "PIL", "numpy", "tesserocr")
SETTINGS = {
    "SECRET_KEY": "of-a-test-of-images-of-a-test-of-images",
    "DATABASE_URL": "postgresql://nowhere",
    "REDIS_URL": "redis://nowhere",
}
IMAGES = sorted(LIMITS)


def image(process: str) -> str:
    return f"brainstem/{process}:{VERSION}"


def run(process: str, *words: str) -> str:
    """A command in a container as hard as compose.yaml makes it, without a network."""
    hardened = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true")
    settings = [f"--env={name}={value}" for name, value in SETTINGS.items()]
    options = (*hardened, "--network=none", "--tmpfs=/tmp", *settings)
    return docker("run", "--rm", *options, f"--entrypoint={words[0]}", image(process), *words[1:])


@pytest.mark.parametrize("process", IMAGES)
class TestImage:
    def test_is_small(self, process: str) -> None:
        over_base = inspected(image(process))["Size"] - inspected(BASE)["Size"]

        assert 0 < over_base / 1e6 <= LIMITS[process]

    def test_runs_as_nobody_special(self, process: str) -> None:
        assert int(run(process, "id", "-u")) >= 1000

    def test_starts_its_process_without_a_shell(self, process: str) -> None:
        configuration = inspected(image(process))["Config"]

        assert not configuration["Entrypoint"]
        assert configuration["Cmd"][:2] == ["python", "-m"]

    def test_holds_what_its_packages_need(self, process: str) -> None:
        said = run(process, "/usr/local/bin/pip", "--python", "/opt/brainstem/bin/python", "check")

        assert "No broken requirements found" in said

    def test_imports_its_entry_point(self, process: str) -> None:
        program = f"import {ENTRY_POINTS[process]}; print('imported')"

        assert "imported" in run(process, "python", "-c", program)

    def test_loads_every_library_that_was_made_smaller(self, process: str) -> None:
        """`strip` has put each of them together anew."""
        program = """
import ctypes, pathlib, sys
waiting = list(pathlib.Path(sys.prefix, "lib").glob("python3.*/site-packages/*.libs/*.so*"))
loaded = 0
while waiting:
    # Each needs others, which have to be there before it.
    left = []
    for library in waiting:
        try:
            ctypes.CDLL(str(library))
        except OSError:
            left.append(library)
    if len(left) == len(waiting):
        sys.exit(f"can't be loaded: {left}")
    loaded, waiting = loaded + len(waiting) - len(left), left
print(loaded)
"""

        assert int(run(process, "python", "-c", program)) > 5

    def test_holds_no_compiler_no_tests_and_nothing_of_the_embedded_stack(
        self, process: str
    ) -> None:
        program = """
import os, shutil
tools = [tool for tool in ("cc", "gcc", "g++", "make", "strip", "uv", "npm") if shutil.which(tool)]
print(tools + [name for name in ("tests", ".env", "chatbot/embedded") if os.path.exists(name)])
"""

        assert run(process, "python", "-c", program).strip() == "[]"

    def test_can_write_nothing_of_its_own_code(self, process: str) -> None:
        program = """
import os
print([path for path in ("/app", "/app/chatbot", "/opt/brainstem") if os.access(path, os.W_OK)])
"""
        words = ("--network=none", "--entrypoint=python", image(process), "-c", program)

        assert docker("run", "--rm", *words).strip() == "[]"


@pytest.mark.parametrize("process", ["chat_service", "chatbot"])
class TestLightImage:
    def test_holds_no_library_for_documents_ocr_or_models(self, process: str) -> None:
        program = f"""
from importlib.util import find_spec
print([name for name in {HEAVY} if find_spec(name)])
"""

        assert run(process, "python", "-c", program).strip() == "[]"
