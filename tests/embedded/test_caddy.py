"""The front door, as the real Caddy reads its configuration."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from chatbot.embedded import caddy
from tests.servers import free_port, running


class _Chatbot(BaseHTTPRequestHandler):
    """Answers with what it was asked; sets a policy of its own below /api/v1/documents."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if self.path.startswith("/api/v1/documents"):
            self.send_header("Content-Security-Policy", "sandbox")
        self.end_headers()
        # Caddy has hung up where it refused the request meanwhile.
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> caddy.FrontDoor:
    web = tmp_path_factory.mktemp("a web") / "dist"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html>the UI")
    (web / "assets" / "main-abc.js").write_text("1")
    return caddy.FrontDoor(
        bind="127.0.0.1",
        port=free_port(),
        chatbot_port=0,
        chat_service_port=1,
        web=web,
        upload_limit_megabytes=1,
    )


@pytest.fixture(scope="module")
def front(
    door: caddy.FrontDoor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Chatbot) as chatbot:
        threading.Thread(target=chatbot.serve_forever, daemon=True).start()
        variables = door.environment(data=tmp_path_factory.mktemp("caddy"))
        variables["CHATBOT_PORT"] = str(chatbot.server_address[1])
        command = ["env", *(f"{name}={value}" for name, value in variables.items())]
        with (
            running([*command, *caddy.command()], port=door.port, stop_signal=15),
            httpx.Client(base_url=f"http://127.0.0.1:{door.port}", timeout=20) as client,
        ):
            yield client
        chatbot.shutdown()


class TestConfiguration:
    def test_is_valid_and_formatted(self, door: caddy.FrontDoor, tmp_path: Path) -> None:
        done = subprocess.run(
            caddy.command("validate"),
            env={**os.environ, **door.environment(data=tmp_path)},
            check=False,
            capture_output=True,
            text=True,
        )

        assert done.returncode == 0, done.stderr
        assert "not formatted" not in done.stderr


class TestFrontDoor:
    @pytest.mark.parametrize(
        "path", ["/api/v1/site", "/admin/", "/static/admin.css"], ids=["REST", "admin", "static"]
    )
    def test_hands_on_to_the_web_application(self, front: httpx.Client, path: str) -> None:
        assert front.get(path).text == path

    @pytest.mark.parametrize("path", ["/", "/brains/1", "/conversations/2?x=1"])
    def test_answers_with_the_ui_for_every_page(self, front: httpx.Client, path: str) -> None:
        answer = front.get(path)

        assert answer.text.endswith("the UI")
        assert answer.headers["Cache-Control"] == "no-cache"

    @pytest.mark.parametrize(
        "path",
        ["/stream/metrics", "/stream/metrics/", "/stream/%6Detrics"],
        ids=["plain", "slash", "escaped"],
    )
    def test_does_not_lead_to_the_figures(self, front: httpx.Client, path: str) -> None:
        assert front.get(path).status_code == 404

    def test_lets_named_files_be_kept_for_ever(self, front: httpx.Client) -> None:
        assert "immutable" in front.get("/assets/main-abc.js").headers["Cache-Control"]

    def test_does_not_keep_the_absence_of_a_file(self, front: httpx.Client) -> None:
        answer = front.get("/assets/old.js")

        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("path", ["/", "/api/v1/site"], ids=["UI", "REST"])
    def test_sends_what_browsers_are_told_to_refuse(self, front: httpx.Client, path: str) -> None:
        headers = front.get(path).headers

        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"

    def test_leaves_a_stricter_policy_alone(self, front: httpx.Client) -> None:
        headers = front.get("/api/v1/documents/1/file").headers

        assert headers["Content-Security-Policy"] == "sandbox"
        assert headers["X-Content-Type-Options"] == "nosniff"

    def test_refuses_a_body_above_the_limit_with_a_reason(self, front: httpx.Client) -> None:
        answer = front.post("/api/v1/upload", content=b"x" * (7 * 1024 * 1024))

        assert answer.status_code == 413
        assert answer.json()["code"] == "too-large"
        assert "1 MB" in answer.json()["detail"]

    @pytest.mark.parametrize("path", ["/stream/turns/1", "/v1/models"], ids=["stream", "OpenAI"])
    def test_says_when_to_come_again_while_a_process_is_away(
        self, front: httpx.Client, path: str
    ) -> None:
        began = time.monotonic()
        answer = front.get(path)

        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "2"
        assert answer.json()["code"] == "unavailable"
        assert time.monotonic() - began > 4
