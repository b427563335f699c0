"""The running loop's client is closed after each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from chatbot.inference.connectors.transport import close_client


@pytest_asyncio.fixture(autouse=True)
async def _close_client() -> AsyncIterator[None]:
    yield
    await close_client()
