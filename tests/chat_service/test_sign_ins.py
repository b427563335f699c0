import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from chat_service.auth import Credentials, Means, SignIn
from chat_service.sign_ins import FRESH_SECONDS, SignIns
from chatbot.accounts.models import User
from chatbot.contracts.errors import NotAuthenticated

CREDENTIALS = Credentials(Means.TOKEN, "secret")


NOW = 100.0


def somebody(*, expires_at: float | None = None) -> SignIn:
    """Looked up when the clock of these tests began."""
    person = User(email="person@example.com")
    return SignIn(person, CREDENTIALS, "proof", expires_at, looked_up_at=NOW)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the monotonic clock says is its only entry."""
    now = [NOW]
    told = SimpleNamespace(monotonic=lambda: now[0], time=lambda: now[0])
    monkeypatch.setattr("chat_service.sign_ins.time", told)
    return now


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> set[SignIn]:
    """Those who may not stay, as the database would say."""
    ended: set[SignIn] = set()

    async def look_up(_function: object, sign_ins: list[SignIn]) -> dict[SignIn, NotAuthenticated]:
        return {one: NotAuthenticated("Gone.") for one in sign_ins if one in ended}

    monkeypatch.setattr("chat_service.sign_ins.in_database", look_up)
    monkeypatch.setattr("chat_service.sign_ins.CHECK_SECONDS", 0.01)
    return ended


@pytest.fixture
async def looking(gone: set[SignIn]) -> AsyncIterator[SignIns]:  # noqa: ARG001 - answers for the database
    """Looks people up again and again."""
    sign_ins = SignIns()
    task = asyncio.create_task(sign_ins.run())
    yield sign_ins
    task.cancel()


class TestKnown:
    async def test_is_who_is_connected(self) -> None:
        sign_ins, person = SignIns(), somebody()

        with sign_ins.watched(person):
            known = sign_ins.known(CREDENTIALS)

        assert known is person

    async def test_is_who_was_connected_a_moment_ago(self, clock: list[float]) -> None:
        sign_ins, person = SignIns(), somebody()

        with sign_ins.watched(person):
            pass

        assert sign_ins.known(CREDENTIALS) is person
        clock[0] += FRESH_SECONDS + 0.1
        assert sign_ins.known(CREDENTIALS) is None

    async def test_does_not_keep_who_has_left(self, clock: list[float], looking: SignIns) -> None:
        with looking.watched(somebody()) as end:
            pass
        clock[0] += FRESH_SECONDS + 0.1
        await asyncio.sleep(0.1)

        assert end.cancelled()
        assert looking.known(CREDENTIALS) is None

    async def test_is_nobody_whose_token_has_expired(self, clock: list[float]) -> None:
        sign_ins = SignIns()

        with sign_ins.watched(somebody(expires_at=NOW + 1)):
            assert sign_ins.known(CREDENTIALS) is not None
            clock[0] += 1

            assert sign_ins.known(CREDENTIALS) is None

    async def test_is_no_fresher_for_coming_back(self, clock: list[float]) -> None:
        sign_ins, person = SignIns(), somebody()
        clock[0] += FRESH_SECONDS + 0.1

        with sign_ins.watched(person):
            assert sign_ins.known(CREDENTIALS) is None

    async def test_is_nobody_with_other_credentials(self) -> None:
        sign_ins = SignIns()

        with sign_ins.watched(somebody()):
            assert sign_ins.known(Credentials(Means.TOKEN, "other")) is None
            assert sign_ins.known(Credentials(Means.COOKIE, "secret")) is None

    async def test_stays_until_the_last_connection_has_gone(self) -> None:
        sign_ins, person = SignIns(), somebody()

        with sign_ins.watched(person) as first:
            with sign_ins.watched(person) as second:
                pass

            assert first is second
            assert not first.done()
            assert sign_ins.known(CREDENTIALS) is person

    async def test_is_asked_for_again_after_a_while_without_a_look(
        self, clock: list[float]
    ) -> None:
        sign_ins = SignIns()

        with sign_ins.watched(somebody()):
            clock[0] += FRESH_SECONDS + 0.1

            assert sign_ins.known(CREDENTIALS) is None

    async def test_is_as_fresh_as_the_last_look(self, clock: list[float], looking: SignIns) -> None:
        person = somebody()

        with looking.watched(person):
            clock[0] += FRESH_SECONDS + 0.1
            await asyncio.sleep(0.1)

            assert looking.known(CREDENTIALS) is person

    async def test_is_nobody_who_was_signed_out(self, gone: set[SignIn], looking: SignIns) -> None:
        person = somebody()

        with looking.watched(person) as end:
            gone.add(person)
            error = await asyncio.wait_for(end, 5)

            assert isinstance(error, NotAuthenticated)
            assert looking.known(CREDENTIALS) is None
