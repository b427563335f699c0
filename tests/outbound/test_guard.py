"""No connection is ever opened to an address that is not global: counted at a real socket."""

import io
from collections.abc import Iterator, Sequence

import pytest

from chatbot.outbound.errors import UrlFailed, UrlRefused
from chatbot.outbound.fetching import Limits, fetch_file, post_body
from tests.fakes.web_server import WebServer, running_web_server
from tests.outbound.conftest import TRUSTED, Trap

LIMITS = Limits(max_bytes=1000, connect_seconds=1, read_seconds=1, total_seconds=3)

URLS = [
    # Schemes
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/info",
    "ldap://127.0.0.1:{port}/",
    "javascript:fetch('http://127.0.0.1:{port}')",
    "data:text/plain,hello",
    "//127.0.0.1:{port}/",
    "http:127.0.0.1:{port}",
    "http:///127.0.0.1:{port}",
    "jar:http://127.0.0.1:{port}!/",
    "",
    # Usual forms of addresses that are not global
    "http://127.0.0.1:{port}/",
    "http://127.1.2.3:{port}/",
    "http://0.0.0.0:{port}/",
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://192.168.0.1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1:{port}/",
    "http://100.100.100.200/latest/",
    "http://168.63.129.16/metadata",
    "http://192.0.0.192/latest/",
    "http://198.18.0.1:{port}/",
    "http://224.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fd00:ec2::254]/latest/",
    "http://[fec0::1]:{port}/",
    "http://[ff02::1]:{port}/",
    # IPv4 inside of IPv6
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b::a9fe:a9fe]/latest/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::80ff:fffe]:{port}/",
    "http://[2607:f8b0::5efe:127.0.0.1]:{port}/",
    # Unusual forms of 127.0.0.1
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://0:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.01:{port}/",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11:{port}/",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:{port}/",
    "http://127\u30020\u30020\u30021:{port}/",
    "http://\u0661\u0662\u0667.\u0660.\u0660.\u0661:{port}/",
    "http://127.0.0.1%2f:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127.0.0.1%00.example.com:{port}/",
    # Names of this machine
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://localhost..:{port}/",
    "http://loc\u00adalhost:{port}/",
    "http://\uff4cocalhost:{port}/",
    "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3:{port}/",
    "http://private.example:{port}/",
    "http://mixed.example:{port}/",
    "http://mapped.example:{port}/",
    "http://zoned.example:{port}/",
    "http://rubbish.example:{port}/",
    f"http://sub.{TRUSTED}:{{port}}/",
    # Who else is meant
    "http://user@127.0.0.1:{port}/",
    "http://user:secret@example.com:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://example.com#@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/",
    "http://127.0.0.1:{port}#.example.com/",
    "http://example.com\\.127.0.0.1:{port}/",
    "http://[::1]:{port}].example.com/",
    "http://[::1:{port}/",
    # Characters, lengths, ports
    "http://127.0.0.1:{port}/\r\nX-Injected: 1",
    "http://127.0.0.1\t:{port}/",
    "http://loc\nalhost:{port}/",
    "http://127.0.0.1 :{port}/",
    "http://\u200blocalhost:{port}/",
    "http://" + "a" * 64 + ".example:{port}/",
    "http://" + ".".join(["a" * 60] * 5) + ":{port}/",
    "http://127.0.0.1:{port}/" + "a" * 3000,
    "http://127.0.0.1:22/",
    "http://127.0.0.1:25/",
    f"http://{TRUSTED}:22/",
    f"http://{TRUSTED}:25/",
    f"http://{TRUSTED}:0/",
    f"http://{TRUSTED}:99999/",
    f"http://{TRUSTED}:-1/",
    "http://:{port}/",
]
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "private.example": ["10.0.0.1"],
    "mixed.example": ["93.184.215.14", "127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "zoned.example": ["fe80::1%lo"],
    "rubbish.example": ["0x7f000001"],
    TRUSTED: ["127.0.0.1"],
    f"sub.{TRUSTED}": ["127.0.0.1"],
}


def resolve(host: str, _port: int) -> Sequence[str]:
    """A resolver of the tests' own, so that nothing is asked outside of this machine."""
    return NAMES.get(host, [host])


@pytest.fixture
def server() -> Iterator[WebServer]:
    with running_web_server() as running:
        yield running


class TestFetchFile:
    @pytest.mark.parametrize("url", URLS, ids=ascii)
    def test_refuses_before_a_connection_is_made(self, trap: Trap, url: str) -> None:
        with pytest.raises(UrlRefused):
            fetch_file(
                url.replace("{port}", str(trap.port)),
                to=io.BytesIO(),
                limits=LIMITS,
                resolve=resolve,
            )

        assert trap.closed() == 0

    @pytest.mark.parametrize("url", URLS, ids=ascii)
    def test_refuses_redirects_before_a_connection_is_made(
        self, trap: Trap, server: WebServer, url: str
    ) -> None:
        location = url.replace("{port}", str(trap.port))
        server.redirects("/", location.replace("\r", "").replace("\n", ""))

        # Some lead back to the server itself, and not to a page that it has.
        with pytest.raises((UrlRefused, UrlFailed)):
            fetch_file(server.url(host=TRUSTED), to=io.BytesIO(), limits=LIMITS, resolve=resolve)

        assert trap.closed() == 0

    def test_connects_to_the_address_that_was_checked(self, trap: Trap) -> None:
        answers = iter([["192.0.2.1"], ["127.0.0.1"]])
        asked: list[str] = []

        def rebinding(host: str, _port: int) -> Sequence[str]:
            asked.append(host)
            return next(answers)

        with pytest.raises(UrlRefused):
            fetch_file(
                f"http://rebinding.example:{trap.port}/",
                to=io.BytesIO(),
                limits=LIMITS,
                resolve=rebinding,
            )

        assert trap.closed() == 0
        assert asked == ["rebinding.example"]

    def test_asks_the_resolver_once_for_each_request(self, server: WebServer) -> None:
        server.gives("/", b"content")
        asked: list[str] = []

        def rebinding(host: str, _port: int) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

        fetched = fetch_file(
            server.url(host=TRUSTED), to=io.BytesIO(), limits=LIMITS, resolve=rebinding
        )

        assert fetched.size_bytes == len(b"content")
        assert asked == [TRUSTED]

    def test_checks_a_name_again_that_redirects_to_itself(self, server: WebServer) -> None:
        server.redirects("/", "/again")
        answers = iter([["127.0.0.1"], ["169.254.169.254"]])

        with pytest.raises(UrlRefused):
            fetch_file(
                server.url(host=TRUSTED),
                to=io.BytesIO(),
                limits=LIMITS,
                resolve=lambda _host, _port: next(answers),
            )

        assert len(server.requests) == 1


class TestPostBody:
    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1:{port}/", "http://[::1]:{port}/", "http://localhost:{port}/"],
    )
    def test_refuses_before_a_connection_is_made(self, trap: Trap, url: str) -> None:
        with pytest.raises(UrlRefused):
            post_body(
                url.replace("{port}", str(trap.port)), body=b"{}", headers={}, resolve=resolve
            )

        assert trap.closed() == 0
