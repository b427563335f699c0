"""Whatever is sent, the answer is an answer: never a 500."""

import json
from typing import Any, Final

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from pytest_django import Settings

from tests.api.problems import check_is_problem
from tests.api.test_permissions import World, world

__all__ = ["world"]

pytestmark = pytest.mark.django_db
JSON: Final = "application/json"
HOSTILE: Final[list[Any]] = [
    None,
    True,
    -1,
    10**30,
    1.5e308,
    "",
    "\x00",
    "\ud800",
    "x" * 100_000,
    "' OR 1=1 --",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+12:00",
    "00000000-0000-0000-0000-000000000000",
    [],
    ["\x00", None, {}],
    {},
    {"a": {"b": []}},
]
GENERATOR: Final[Any] = SchemaGenerator
SCHEMA: Final = GENERATOR().get_schema(public=True)


def operations() -> list[Any]:
    """Method, address and fields of everything that takes JSON."""
    found = []
    for address, methods in SCHEMA["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if JSON in content:
                name = content[JSON]["schema"]["$ref"].rpartition("/")[2]
                fields = sorted(SCHEMA["components"]["schemas"][name]["properties"])
                found.append(pytest.param(method, address, fields, id=operation["operationId"]))
    return found


@pytest.fixture
def client(world: World, settings: Settings) -> Client:
    settings.REQUEST_LIMIT_PER_MINUTE = settings.QUESTION_LIMIT_PER_MINUTE = 1_000_000
    client = Client()
    client.force_login(world.people["owner"])
    return client


class TestFields:
    @pytest.mark.parametrize(("method", "address", "fields"), operations())
    def test_take_anything(
        self,
        client: Client,
        world: World,
        method: str,
        address: str,
        fields: list[str],
    ) -> None:
        ids = {f"{name}_id": value for name, value in world.ids.items()}
        url = address.format(**ids)
        bodies = [{field: value} for field in fields for value in HOSTILE]
        bodies += [dict.fromkeys(fields, value) for value in HOSTILE]

        statuses = {
            json.dumps(body): getattr(client, method)(
                url, json.dumps(body), content_type=JSON
            ).status_code
            for body in bodies
        }

        assert {body[:200]: status for body, status in statuses.items() if status >= 500} == {}


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 500_000,
            b'{"a":' * 100_000,
            b"\xff\xfe\x00",
            b"NaN",
            b'"text"',
            b"null",
            b"1" * 100_000,
        ],
        ids=["deep list", "deep object", "no UTF-8", "NaN", "text", "null", "number"],
    )
    def test_are_refused(self, client: Client, body: bytes) -> None:
        response = client.post("/api/v1/brains", body, content_type=JSON)

        check_is_problem(response, 400, response.json()["code"])


class TestQueries:
    @pytest.mark.parametrize(
        "query",
        [
            "page=0",
            "page=-1",
            f"page={10**30}",
            "page=x",
            "page_size=-1",
            f"page_size={10**30}",
            "search=%00",
            "search=%ff",
            "search=%25_%5C",
            "search=" + "x" * 1000,
            "state=%00",
            "inline=maybe",
        ],
    )
    def test_take_anything(self, client: Client, world: World, query: str) -> None:
        addresses = [
            "brains",
            "conversations",
            f"brains/{world.ids['brain']}/documents",
            f"documents/{world.ids['document']}/pages",
            f"documents/{world.ids['reading']}/file",
        ]

        statuses = [client.get(f"/api/v1/{address}?{query}").status_code for address in addresses]

        assert [status for status in statuses if status == 500] == []
