import asyncio
from pathlib import Path

import pytest

from chatbot.inference.connectors.errors import ServerGone
from chatbot.inference.connectors.protocol import Finished
from chatbot.inference.connectors.transport import close_client, connections
from tests.fakes.certificates import make_certificate
from tests.fakes.raw_server import read_request, running_raw_server
from tests.inference.connectors.streams import (
    COMPLETE,
    collect,
    collect_until_error,
    connector,
    question,
    say,
)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await read_request(reader):
        await say(writer, *COMPLETE)


class TestConnections:
    async def test_are_one_for_each_loop(self) -> None:
        first = connections()

        assert connections() is first

    async def test_are_made_anew_after_they_were_closed(self) -> None:
        first = connections()

        await close_client()

        assert first.client.is_closed
        assert first.session.closed
        assert connections() is not first


class TestTLS:
    async def test_reaches_a_server_with_a_trusted_certificate(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trusted, tls = make_certificate(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

        async with running_raw_server(answer, tls=tls) as base_url:
            items = await collect(connector(base_url), question())

        assert items[-1] == Finished("stop")

    async def test_refuses_any_other_certificate(self, tmp_path: Path) -> None:
        _, tls = make_certificate(tmp_path)

        async with running_raw_server(answer, tls=tls) as base_url:
            _, error = await collect_until_error(connector(base_url), question())

        assert type(error) is ServerGone
        assert "certificate" in error.detail.lower()
