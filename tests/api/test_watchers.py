"""Probes and Prometheus ask a container by its address."""

import pytest
from django.test import Client
from pytest_django import Settings

BY_ADDRESS = "172.18.0.7:8000"


@pytest.fixture(autouse=True)
def _known_names(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["brainstem.example.org"]


@pytest.mark.django_db
class TestWatchers:
    @pytest.mark.parametrize("path", ["/api/v1/healthz", "/api/v1/readyz", "/metrics"])
    def test_are_answered_under_any_name(self, client: Client, path: str) -> None:
        assert client.get(path, headers={"host": BY_ADDRESS}).status_code == 200

    def test_are_the_only_ones(self, client: Client) -> None:
        assert client.get("/api/v1/site", headers={"host": BY_ADDRESS}).status_code == 400

    def test_are_given_the_id_of_their_request(self, client: Client) -> None:
        answer = client.get("/api/v1/healthz", headers={"X-Request-ID": "asked-by-a-probe"})

        assert answer.headers["X-Request-ID"] == "asked-by-a-probe"
