import gzip
import hashlib
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from chatbot.outbound.addresses import PrivateHosts
from chatbot.outbound.connections import trusted_authorities
from chatbot.outbound.errors import UrlFailed, UrlRefused, UrlTooLarge, UrlUnanswered
from chatbot.outbound.fetching import (
    REDIRECTS_LIMIT,
    Fetched,
    Limits,
    Posted,
    fetch_file,
    post_body,
)
from tests.fakes.certificates import make_certificate
from tests.fakes.web_server import WebServer, running_web_server
from tests.outbound.conftest import TRUSTED

LIMITS = Limits(max_bytes=100_000, connect_seconds=1, read_seconds=1, total_seconds=3)


@pytest.fixture(autouse=True)
def _this_machine_is_allowed(settings: Settings) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = PrivateHosts.of(["127.0.0.0/8"])


@pytest.fixture
def server() -> Iterator[WebServer]:
    with running_web_server() as running:
        yield running


def fetched_from(url: str, *, limits: Limits = LIMITS) -> tuple[Fetched, bytes]:
    file = io.BytesIO()
    fetched = fetch_file(url, to=file, limits=limits, resolve=lambda *_: ["127.0.0.1"])
    return fetched, file.getvalue()


class TestFetchFile:
    def test_writes_and_hashes_what_the_server_gives(self, server: WebServer) -> None:
        content = b"x" * 90_000
        server.gives("/files/report.pdf?key=1", content)

        fetched, written = fetched_from(server.url("/files/report.pdf?key=1"))

        assert written == content
        assert fetched == Fetched(hashlib.sha256(content).hexdigest(), len(content), "report.pdf")

    def test_asks_for_nothing_compressed_and_tells_nothing_more(self, server: WebServer) -> None:
        server.gives("/", b"content")

        fetched_from(server.url("/"))

        head = server.requests[0].decode().lower()
        assert head.startswith(f"get / http/1.1\r\nhost: 127.0.0.1:{server.port}\r\n")
        assert "accept-encoding: identity\r\n" in head
        assert not {"cookie", "authorization", "referer"} & {
            line.partition(":")[0] for line in head.splitlines()
        }

    def test_carries_no_cookies_along_redirects(self, server: WebServer) -> None:
        server.gives("/", status="302 Found", headers="Set-Cookie: a=1\r\nLocation: /file\r\n")
        server.gives("/file", b"content")

        fetched_from(server.url("/"))

        assert b"cookie" not in server.requests[1].lower()

    @pytest.mark.parametrize(
        ("path", "headers", "name"),
        [
            ("/a/%EB%B3%B4%EA%B3%A0%EC%84%9C.pdf", "", "보고서.pdf"),
            ("/보고서.pdf", "", "보고서.pdf"),
            ("/", "", ""),
            ("/x", 'Content-Disposition: attachment; filename="a b.pdf"\r\n', "a b.pdf"),
            (
                "/x",
                "Content-Disposition: attachment; filename*=UTF-8''%EB%B3%B4.pdf\r\n",
                "보.pdf",
            ),
            ("/x.txt", "Content-Disposition: inline\r\n", "x.txt"),
        ],
        ids=["escaped", "unescaped", "none", "told", "told in Korean", "untold"],
    )
    def test_finds_a_name(self, server: WebServer, path: str, headers: str, name: str) -> None:
        server.gives(path, b"content", headers=headers)
        server.gives("/%EB%B3%B4%EA%B3%A0%EC%84%9C.pdf", b"content")

        fetched, _ = fetched_from(server.url(path))

        assert fetched.name == name

    def test_follows_redirects_up_to_the_limit(self, server: WebServer) -> None:
        for number in range(REDIRECTS_LIMIT):
            server.redirects(f"/{number}", f"/{number + 1}#part")
        server.gives(f"/{REDIRECTS_LIMIT}", b"content")

        _, written = fetched_from(server.url("/0"))

        assert written == b"content"

    def test_refuses_to_go_in_circles(self, server: WebServer) -> None:
        server.redirects("/", "/")

        with pytest.raises(UrlRefused):
            fetched_from(server.url("/"))

        assert len(server.requests) == REDIRECTS_LIMIT + 1

    def test_ignores_proxies_of_the_environment(
        self, server: WebServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.gives("/", b"content")
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9/")

        _, written = fetched_from(server.url("/"))

        assert written == b"content"

    @pytest.mark.parametrize("status", ["404 Not Found", "401 No", "204 No Content", "206 Part"])
    def test_fails_where_the_server_gives_no_file(self, server: WebServer, status: str) -> None:
        server.gives("/", b"", status=status)

        with pytest.raises(UrlFailed, match=status[:3]):
            fetched_from(server.url("/"))

    @pytest.mark.parametrize("status", ["500 Oh", "503 Away", "429 Too Many", "408 Late"])
    def test_may_be_tried_again_where_the_server_is_busy(
        self, server: WebServer, status: str
    ) -> None:
        server.gives("/", b"", status=status)

        with pytest.raises(UrlUnanswered, match=status[:3]):
            fetched_from(server.url("/"))

    def test_keeps_the_query_out_of_errors(self, server: WebServer) -> None:
        server.gives("/?secret=1", b"", status="404 Not Found")

        with pytest.raises(UrlFailed) as raised:
            fetched_from(server.url("/?secret=1"))

        assert "secret" not in f"{raised.value} {raised.value.way_out}"

    def test_may_be_tried_again_where_nobody_listens(self) -> None:
        with running_web_server() as gone:
            url = gone.url("/")

        with pytest.raises(UrlUnanswered):
            fetched_from(url)

    def test_may_be_tried_again_where_the_name_is_not_found(self) -> None:
        def unknown(_host: str, _port: int) -> list[str]:
            raise OSError("Name or service not known")

        with pytest.raises(UrlUnanswered):
            fetch_file("http://a.example", to=io.BytesIO(), limits=LIMITS, resolve=unknown)

    def test_waits_for_a_resolver_no_longer_than_for_a_connection(self) -> None:
        def silent(_host: str, _port: int) -> list[str]:
            time.sleep(3)
            return ["127.0.0.1"]

        limits = Limits(max_bytes=1, connect_seconds=0.1, total_seconds=1)

        with pytest.raises(UrlUnanswered):
            fetch_file("http://a.example", to=io.BytesIO(), limits=limits, resolve=silent)

    def test_tries_the_next_address_of_a_host(self, server: WebServer) -> None:
        server.gives("/", b"content")
        file = io.BytesIO()

        fetch_file(
            server.url("/", host="a.example"),
            to=file,
            limits=LIMITS,
            resolve=lambda *_: ["127.0.0.2", "127.0.0.1"],
        )

        assert file.getvalue() == b"content"


CHUNK = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class TestLimits:
    def test_refuse_what_is_announced_as_too_large(self, server: WebServer) -> None:
        server.gives("/", b"x" * 100_001)

        with pytest.raises(UrlTooLarge):
            fetched_from(server.url("/"))

    @pytest.mark.parametrize(
        "head", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n"], ids=["in chunks", "until it ends"]
    )
    def test_end_what_turns_out_too_large(self, server: WebServer, head: bytes) -> None:
        server.answers["/"] = [[head, *[CHUNK] * 50]]
        file = io.BytesIO()

        with pytest.raises(UrlTooLarge):
            fetch_file(server.url("/"), to=file, limits=LIMITS)

        assert len(file.getvalue()) <= LIMITS.max_bytes

    @pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "zstd"])
    def test_refuse_what_would_have_to_be_unpacked(self, server: WebServer, encoding: str) -> None:
        bomb = gzip.compress(b"\0" * 10_000_000)
        server.gives("/", bomb, headers=f"Content-Encoding: {encoding}\r\n")

        with pytest.raises(UrlFailed):
            fetched_from(server.url("/"))

    def test_take_files_that_are_archives(self, server: WebServer) -> None:
        content = gzip.compress(b"content")
        server.gives("/a.gz", content, headers="Content-Encoding: identity\r\n")

        _, written = fetched_from(server.url("/a.gz"))

        assert written == content

    @pytest.mark.parametrize(
        "lines",
        [b"X: " + b"y" * 200_000 + b"\r\n", b"X: y\r\n" * 65],
        ids=["bytes", "count"],
    )
    def test_bound_headers(self, server: WebServer, lines: bytes) -> None:
        server.answers["/"] = [[b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n"]]

        with pytest.raises((UrlFailed, UrlUnanswered)):
            fetched_from(server.url("/"))

    def test_end_a_silence(self, server: WebServer) -> None:
        server.answers["/"] = [[b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b"x"]]
        server.seconds_between = 0.4
        limits = Limits(max_bytes=100, read_seconds=0.2, total_seconds=3)

        with pytest.raises(UrlUnanswered):
            fetched_from(server.url("/"), limits=limits)

    @pytest.mark.parametrize(
        "beginning",
        [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"],
        ids=["headers", "content"],
    )
    def test_end_what_drips(self, server: WebServer, beginning: bytes) -> None:
        server.answers["/"] = [[beginning, *[b"H"] * 500]]
        server.seconds_between = 0.05
        limits = Limits(max_bytes=10_000, read_seconds=1, total_seconds=0.6)
        began = time.monotonic()

        with pytest.raises(UrlUnanswered):
            fetched_from(server.url("/"), limits=limits)

        assert time.monotonic() - began < 10

    def test_end_what_comes_too_slowly(self, server: WebServer) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
        server.answers["/"] = [[head, *[b"x"] * 10_000]]
        server.seconds_between = 0.05
        limits = Limits(max_bytes=10_000, read_seconds=1, total_seconds=9, slow_seconds=0.2)

        began = time.monotonic()
        with pytest.raises(UrlUnanswered):
            fetched_from(server.url("/"), limits=limits)

        assert time.monotonic() - began < limits.total_seconds / 2

    def test_wait_for_a_server_that_pauses_and_is_quick_then(self, server: WebServer) -> None:
        body = b"x" * 10_000
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
        server.answers["/"] = [[head, body]]
        server.seconds_between = 0.3
        limits = Limits(max_bytes=10_000, read_seconds=1, total_seconds=9, slow_seconds=0.1)

        assert fetched_from(server.url("/"), limits=limits)[1] == body

    def test_notice_an_answer_that_breaks_off(self, server: WebServer) -> None:
        server.answers["/"] = [[b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"]]

        with pytest.raises(UrlUnanswered):
            fetched_from(server.url("/"))

    def test_stop_where_the_caller_says_so(self, server: WebServer) -> None:
        class Stopped(Exception):
            pass

        checks = iter([None])

        def check() -> None:
            if next(checks, Stopped) is Stopped:
                raise Stopped

        server.gives("/", b"content")

        with pytest.raises(Stopped):
            fetch_file(server.url("/"), to=io.BytesIO(), limits=LIMITS, check=check)

        assert len(server.requests) == 1


class TestTls:
    @pytest.fixture
    def secure(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
        """With a certificate for 127.0.0.1 that this machine trusts."""
        trusted, context = make_certificate(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        trusted_authorities.cache_clear()
        with running_web_server(tls=context) as running:
            yield running
        trusted_authorities.cache_clear()

    def test_is_verified(self, secure: WebServer) -> None:
        secure.gives("/", b"content")

        _, written = fetched_from(secure.url("/"))

        assert written == b"content"

    def test_is_verified_for_the_name_and_not_the_address(self, secure: WebServer) -> None:
        secure.gives("/", b"content")

        with pytest.raises(UrlFailed, match="certificate"):
            fetched_from(secure.url("/", host=TRUSTED))

        assert secure.requests == []

    def test_is_not_left_by_a_redirect(self, secure: WebServer, server: WebServer) -> None:
        secure.redirects("/", server.url("/"))

        with pytest.raises(UrlRefused):
            fetched_from(secure.url("/"))

        assert server.requests == []

    def test_needs_an_authority_that_is_known(self, tmp_path: Path) -> None:
        _, context = make_certificate(tmp_path)

        with (
            running_web_server(tls=context) as unknown,
            pytest.raises(UrlFailed, match="certificate"),
        ):
            fetched_from(unknown.url("/"))


class TestPostBody:
    def test_sends_the_body_and_gives_the_status(self, server: WebServer) -> None:
        server.gives("/hook", b"x" * 1_000_000, status="202 Accepted")

        posted = post_body(
            server.url("/hook"), body=b'{"a": 1}', headers={"Content-Type": "application/json"}
        )

        assert posted == Posted(202, "")
        assert server.requests[0].startswith(b"POST /hook HTTP/1.1\r\n")
        assert server.requests[0].endswith(b'\r\n\r\n{"a": 1}')

    def test_follows_no_redirects(self, server: WebServer) -> None:
        server.redirects("/", "/elsewhere", status="307 Temporary Redirect")

        posted = post_body(server.url("/"), body=b"{}", headers={})

        assert posted.status == 307
        assert len(server.requests) == 1
