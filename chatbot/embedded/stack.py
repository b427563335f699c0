"""The processes of the embedded stack, and which must be ready before which."""

import re
import signal
import sys
from collections.abc import Iterable
from dataclasses import replace

from chatbot.contracts import keys
from chatbot.embedded import caddy, postgres, valkey
from chatbot.embedded.checks import answers_http, answers_postgres, answers_valkey, holds_key
from chatbot.embedded.keeper import PROJECT
from chatbot.embedded.process import Process
from chatbot.embedded.start import Start

WEB_THREADS = 12
WORKER_NICE = 15
"""Ingestion gets the cores that conversations leave."""
_WORKER_READY = re.compile(r"worker is ready($|\")")


def processes(start: Start) -> list[Process]:
    """Every process that this start needs: not those that the environment names elsewhere.

    Stopping goes the other way round: the front door, then what works, then what it works with.
    The supervisor has one limit for it as a whole.
    """
    chosen = [*_stores(start), *_models(start), *_own(start), _front_door(start)]
    names = {process.name for process in chosen}
    return [replace(process, after=process.after & names) for process in chosen]


def _stores(start: Start) -> Iterable[Process]:
    home, port = start.wanted.home, start.ports
    if not start.wanted.database_url:
        folder = home / "postgres"
        yield Process(
            name="postgres",
            command=tuple(postgres.command(folder=folder, port=port["postgres"])),
            environment=start.environment,
            check=answers_postgres(url=start.database_url, folder=folder),
            stop_signal=signal.SIGINT,
            stop_seconds=2.5,
        )
    if not start.wanted.redis_url:
        password = start.secrets.valkey_password
        yield Process(
            name="valkey",
            command=tuple(
                valkey.command(folder=home / "valkey", port=port["valkey"], password=password)
            ),
            environment=start.environment,
            check=answers_valkey(port=port["valkey"], password=password),
            stop_seconds=2.5,
        )


def _models(start: Start) -> Iterable[Process]:
    for name, named in (
        ("chat_model", start.wanted.inference_url),
        ("embedding_model", start.wanted.embedding_url),
    ):
        if not named:
            port = start.ports[name]
            yield Process(
                name=name,
                command=_python(f"chatbot.embedded.{name}", "--port", str(port)),
                environment=start.environment,
                check=answers_http(port=port, path="/health"),
                stop_seconds=2.0,
            )


def _own(start: Start) -> Iterable[Process]:
    yield Process(
        name="prepare",
        command=(sys.executable, "manage.py", "prepare"),
        environment={
            **start.environment,
            "BRAINSTEM_ADMIN_EMAIL": start.wanted.admin_email,
            "BRAINSTEM_ADMIN_PASSWORD": start.wanted.admin_password,
        },
        after=frozenset({"postgres", "valkey"}),
        runs_once=True,
    )
    yield _chatbot(start)
    yield _chat_service(start)
    yield _worker(start, "ocr_worker", after=frozenset())
    yield _worker(start, "ingest_worker", after=frozenset({"embedding_model"}))
    yield Process(
        name="scheduler",
        command=(sys.executable, "manage.py", "scheduler"),
        environment=start.environment,
        after=frozenset({"prepare", "valkey", "postgres"}),
        check=holds_key(redis_url=start.redis_url, key=keys.SCHEDULER_ALIVE),
        stop_seconds=4.0,
    )


def _chatbot(start: Start) -> Process:
    port = start.ports["chatbot"]
    return Process(
        name="chatbot",
        command=_python(
            "gunicorn",
            "chatbot.wsgi:application",
            f"--bind=127.0.0.1:{port}",
            "--worker-class=gthread",
            "--workers=1",
            f"--threads={WEB_THREADS}",
            "--keep-alive=75",
            "--timeout=60",
            "--graceful-timeout=3",
            "--no-control-socket",
            "--log-level=warning",
        ),
        environment=start.environment,
        after=frozenset({"prepare", "valkey", "postgres"}),
        check=answers_http(port=port, path="/api/v1/healthz"),
        stop_seconds=4.0,
    )


def _chat_service(start: Start) -> Process:
    port = start.ports["chat_service"]
    return Process(
        name="chat_service",
        command=_python(
            "uvicorn",
            "chat_service.asgi:application",
            "--host=127.0.0.1",
            f"--port={port}",
            "--http=chat_service.http_protocol:HttpProtocol",
            "--ws=websockets-sansio",
            "--ws-max-size=65536",
            "--ws-max-queue=8",
            "--ws-ping-interval=10",
            "--ws-ping-timeout=15",
            "--ws-per-message-deflate=false",
            "--timeout-graceful-shutdown=3",
            "--timeout-keep-alive=75",
            "--no-access-log",
            "--no-server-header",
            "--log-level=warning",
        ),
        environment=start.environment,
        after=frozenset({"prepare", "valkey", "postgres", "chat_model", "embedding_model"}),
        check=answers_http(port=port, path="/stream/healthz"),
        stop_seconds=4.0,
    )


def _worker(start: Start, name: str, *, after: frozenset[str]) -> Process:
    return Process(
        name=name,
        command=_python("chatbot.worker_guard", name),
        environment={**start.environment, "PYTHONPATH": str(PROJECT)},
        after=after | {"prepare", "valkey", "postgres"},
        ready_line=_WORKER_READY,
        stop_seconds=4.0,
        nice=WORKER_NICE,
    )


def _front_door(start: Start) -> Process:
    door = caddy.FrontDoor(
        bind=start.wanted.bind,
        port=start.wanted.port,
        chatbot_port=start.ports["chatbot"],
        chat_service_port=start.ports["chat_service"],
        web=PROJECT / "web" / "dist",
        upload_limit_megabytes=start.wanted.upload_limit_megabytes,
    )
    return Process(
        name="caddy",
        command=caddy.command(),
        environment={
            **start.environment,
            **door.environment(data=start.wanted.home / "caddy"),
        },
        after=frozenset({"chatbot", "chat_service"}),
        check=answers_http(host=start.wanted.bind, port=start.wanted.port, path=caddy.HEALTH_PATH),
        stop_seconds=2.0,
    )


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)
