import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

import chatbot
from chatbot.urls import api
from tests.api.test_permissions import endpoints

PROJECT = Path(__file__).resolve().parents[2]
OUTSIDE = {"GET healthz", "GET readyz", "GET schema", "GET docs"}
"""For those who run the installation, and the schema itself."""


@pytest.fixture
def schema() -> dict[str, Any]:
    document: dict[str, Any] = Client().get("/api/v1/schema").json()
    return document


class TestSchema:
    def test_is_valid_and_complete(self, tmp_path: Path) -> None:
        call_command(
            "spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml")
        )

    def test_has_every_operation(self, schema: dict[str, Any]) -> None:
        operations = [
            operation for methods in schema["paths"].values() for operation in methods.values()
        ]

        assert len(operations) == len(set(endpoints(api)) - OUTSIDE)
        assert len({operation["operationId"] for operation in operations}) == len(operations)
        assert all(operation["description"] for operation in operations)

    def test_knows_problems_and_ways_to_sign_in(self, schema: dict[str, Any]) -> None:
        components = schema["components"]
        answers = schema["paths"]["/api/v1/brains"]["get"]["responses"]

        assert set(components["securitySchemes"]) == {"bearer", "session", "csrf"}
        assert "code" in components["schemas"]["Problem"]["properties"]
        assert "application/problem+json" in answers["default"]["content"]

    def test_says_how_a_file_is_uploaded(self, schema: dict[str, Any]) -> None:
        upload = schema["paths"]["/api/v1/brains/{brain_id}/documents"]["post"]

        assert set(upload["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
        assert {"200", "202"} < set(upload["responses"])


class TestDocs:
    def test_run_no_script_of_their_page_and_fetch_nothing_from_elsewhere(self) -> None:
        page = Client().get("/api/v1/docs").content.decode()

        assert _sources(page)
        assert all(source.startswith("/") for source in _sources(page))
        assert re.findall(r"<script>(?!</script>)", page) == []

    def test_find_their_files(self) -> None:
        page = Client().get("/api/v1/docs").content.decode()

        contents = [b"".join(Client().get(source)) for source in _sources(page)]

        assert all(len(content) > 100 for content in contents)


def _sources(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page)


class TestSite:
    def test_tells_what_a_client_needs_to_know(self, settings: Settings) -> None:
        settings.SIGN_UP_OPEN = False

        site = Client().get("/api/v1/site").json()

        assert (site["name"], site["sign_up_open"]) == ("Brainstem", False)
        assert {"application/pdf", ".pdf", "image/png"} < set(site["accepted_types"])
        assert site["upload_limit_bytes"] == settings.UPLOAD_LIMIT_BYTES
        assert {"code": "ko", "name": "한국어"} in site["languages"]
        assert site["ocr_engines"] == ["tesseract"]

    def test_tells_the_version_of_the_project(self) -> None:
        project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]

        assert project["version"] == chatbot.__version__
