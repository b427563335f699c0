"""What a process that isn't ready yet may do to the check that asks it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chatbot.embedded import checks

READY = "1\n\n\n\n\n\n\nready"


@asynccontextmanager
async def listening(answer: bytes | None) -> AsyncIterator[int]:
    """A port where everything is answered with these bytes and the end; None: with silence."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is None:
            await over.wait()
        else:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        over.set()


class TestAnswersPostgres:
    @pytest.fixture(autouse=True)
    def _impatience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks, "CHECK_SECONDS", 0.3)

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Its server says that it is ready."""
        (tmp_path / "postmaster.pid").write_text(READY)
        return tmp_path

    @pytest.mark.parametrize("answer", [b"", b"what?"], ids=["hangs up", "another protocol"])
    async def test_is_no_for_what_can_not_be_asked(self, folder: Path, answer: bytes) -> None:
        async with listening(answer) as port:
            check = checks.answers_postgres(url=f"postgresql://x@127.0.0.1:{port}/x", folder=folder)

            assert await check() is False

    async def test_ends_where_nothing_is_answered(self, folder: Path) -> None:
        async with listening(None) as port:
            check = checks.answers_postgres(url=f"postgresql://x@127.0.0.1:{port}/x", folder=folder)

            with pytest.raises(TimeoutError):
                await check()

    async def test_is_no_before_the_server_says_so_itself(self, tmp_path: Path) -> None:
        check = checks.answers_postgres(url="postgresql://x@127.0.0.1:1/x", folder=tmp_path)

        assert await check() is False
