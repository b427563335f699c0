"""Health checks that need no client library: each opens a connection, asks, and closes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chatbot.embedded import postgres
from chatbot.embedded.process import Check

CHECK_SECONDS = 2.0
_HTTP_OK = b" 200 "


def answers_http(*, port: int, path: str, host: str = "127.0.0.1") -> Check:
    """GET answers 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {_name(host)}:{port}\r\nConnection: close\r\n\r\n"

    async def check() -> bool:
        async with _connection(host, port) as (reader, writer):
            writer.write(request.encode())
            return _HTTP_OK in await reader.readline()

    return check


def answers_valkey(*, port: int, password: str) -> Check:
    """PING answers PONG, which it does not while data is being loaded."""

    async def check() -> bool:
        async with _connection("127.0.0.1", port) as (reader, writer):
            writer.write(f"AUTH {password}\r\nPING\r\n".encode())
            await reader.readline()
            return (await reader.readline()).startswith(b"+PONG")

    return check


def answers_postgres(*, url: str, folder: Path) -> Check:
    """A query is answered, which it is not while the server recovers from a crash."""

    async def check() -> bool:
        if not postgres.accepts_connections(folder=folder):
            return False
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
                async with connection:
                    await connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    return check


def holds_key(*, redis_url: str, key: str) -> Check:
    """A process shows that it works by a key in Redis that expires."""

    async def check() -> bool:
        try:
            async with Redis.from_url(
                redis_url, socket_timeout=CHECK_SECONDS, socket_connect_timeout=CHECK_SECONDS
            ) as redis:
                return bool(await redis.exists(key))
        except RedisError:
            return False

    return check


@contextlib.asynccontextmanager
async def _connection(
    host: str, port: int
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(CHECK_SECONDS):
        reader, writer = await asyncio.open_connection(_reachable(host), port)
        try:
            yield reader, writer
        finally:
            writer.close()


def _reachable(host: str) -> str:
    """Where a server that listens on all addresses is reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def _name(host: str) -> str:
    return f"[{_reachable(host)}]" if ":" in host else _reachable(host)
