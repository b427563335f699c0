"""What a process must not load, seen in a fresh interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENT_LIBRARIES = ("unstructured", "langchain_text_splitters", "langchain_core", "pypdfium2")
IMAGE_LIBRARIES = ("PIL", "tesserocr")
LEARNING_LIBRARIES = ("numpy", "torch", "onnxruntime", "pandas", "tokenizers")


def loaded_by(module: str) -> set[str]:
    """Top-level packages in `sys.modules` after importing the module alone."""
    source = f"import {module}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    environment = {
        key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"
    }
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=PROJECT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return set(done.stdout.split())


class TestChatService:
    def test_loads_no_heavy_library_and_no_rest_framework(self) -> None:
        loaded = loaded_by("chat_service.asgi")

        assert "channels" in loaded
        assert not loaded & {
            *DOCUMENT_LIBRARIES,
            *IMAGE_LIBRARIES,
            *LEARNING_LIBRARIES,
            "rest_framework",
            "celery",
        }

    def test_loads_http2_only_for_servers_that_speak_grpc(self) -> None:
        loaded = loaded_by("chat_service.asgi, chatbot.inference.connectors.kserve_grpc")

        assert "httpx" in loaded
        assert not loaded & {"h2", "hpack", "grpc", "google"}


class TestChatbot:
    def test_loads_no_document_image_or_learning_library(self) -> None:
        loaded = loaded_by("chatbot.wsgi")

        assert "django" in loaded
        assert not loaded & {*DOCUMENT_LIBRARIES, *IMAGE_LIBRARIES, *LEARNING_LIBRARIES}


class TestWorkers:
    @pytest.mark.parametrize("worker", ["ocr_worker", "ingest_worker"])
    def test_leave_whatever_opens_files_to_their_children(self, worker: str) -> None:
        loaded = loaded_by(f"{worker}.app, {worker}.tasks")

        assert "celery" in loaded
        assert not loaded & {
            *("unstructured", "pypdfium2", "openpyxl", "docx", "pptx", "lxml", "rest_framework"),
            *IMAGE_LIBRARIES,
            *LEARNING_LIBRARIES,
        }
