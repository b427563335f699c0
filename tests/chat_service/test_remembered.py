"""Values that outlive an outage, and not what they stand for."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from chat_service import remembered
from chat_service.endpoints import NoModel
from chat_service.remembered import Remembered
from chatbot.contracts.errors import Unavailable

if TYPE_CHECKING:
    from chatbot.contracts.errors import AppError


class Source:
    """What is read; may be away, or have nothing."""

    def __init__(self) -> None:
        self.value = "first"
        self.error: AppError | None = None

    async def read(self, _key: str) -> str:
        if self.error is not None:
            raise self.error
        return self.value


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def grown_old(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes everything that is remembered too old to be given without a look."""

    def grow_old() -> None:
        monkeypatch.setattr(remembered, "FRESH_SECONDS", 0.0)
        monkeypatch.setattr(remembered, "USABLE_SECONDS", 0.0)

    return grow_old


class TestRemembered:
    async def test_gives_what_it_read_a_moment_ago(self, source: Source) -> None:
        kept = Remembered(source.read)
        await kept.get("key")
        source.value = "second"

        assert await kept.get("key") == "first"

    async def test_reads_anew_what_is_old(
        self, source: Source, grown_old: Callable[[], None]
    ) -> None:
        kept = Remembered(source.read)
        await kept.get("key")
        source.value = "second"
        grown_old()

        assert await kept.get("key") == "second"

    async def test_gives_what_is_old_while_it_can_not_be_read(
        self, source: Source, grown_old: Callable[[], None]
    ) -> None:
        kept = Remembered(source.read)
        await kept.get("key")
        source.error = Unavailable("The database is away.")
        grown_old()

        assert await kept.get("key") == "first"

    async def test_forgets_what_is_no_more(
        self, source: Source, grown_old: Callable[[], None]
    ) -> None:
        kept = Remembered(source.read)
        await kept.get("key")
        source.error = NoModel()
        grown_old()

        with pytest.raises(NoModel):
            await kept.get("key")
        source.error = Unavailable("The database is away.")
        with pytest.raises(Unavailable):
            await kept.get("key")

    async def test_reads_all_again_when_told_that_it_has_changed(self, source: Source) -> None:
        kept = Remembered(source.read)
        await kept.get("key")
        source.value = "second"

        await kept.read_again()

        assert await kept.get("key") == "second"

    async def test_keeps_what_has_changed_but_can_not_be_read(self, source: Source) -> None:
        kept = Remembered(source.read)
        await kept.get("key")
        source.error = Unavailable("The database is away.")

        await kept.read_again()

        assert await kept.get("key") == "first"
