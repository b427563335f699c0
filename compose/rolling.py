"""A new version of the web application and the chat service, replica by replica, while people work.

    python3 compose/rolling.py VERSION               the images' tag; migrates first
    python3 compose/rolling.py --back                to the version before
    python3 compose/rolling.py --canary 10 VERSION   a tenth of new requests; 0: none

A replica of the new version has to be healthy and known to nginx before an old one gets nothing
new; that one ends what it has begun, and goes. Standard library only.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

from driver import PROJECT, Failed, Stack, run, say, wait_until

REPLICATED: Final = ("chatbot", "chat_service")
ALONE: Final = ("scheduler", "ingest_worker", "ocr_worker")
"""One of each: they hand back what they have, and go on with it."""
IMAGES: Final = ("chatbot", "chat_service", "ingest_worker", "ocr_worker", "nginx")
MIGRATE_SECONDS: Final = 1800
HEALTHY_SECONDS: Final = 180
KNOWN_SECONDS: Final = 30
IDLE_SECONDS: Final = 120
"""For answers over HTTP, which can't be resumed elsewhere; others can."""
SETTLE_SECONDS: Final = 2.0
"""For requests that nginx had sent when it was told."""
STOP_SECONDS: Final = 20
_OPEN: Final = """
import os, urllib.request
request = urllib.request.Request("http://127.0.0.1:8001/stream/metrics")
request.add_header("Authorization", "Bearer " + os.environ["METRICS_TOKEN"])
with urllib.request.urlopen(request, timeout=5) as answer:
    lines = answer.read().decode().splitlines()
print(sum(float(line.split()[-1]) for line in lines
          if line.startswith('brainstem_chat_open_connections{door="openai"}')))
"""


def has_images(version: str) -> None:
    for name in IMAGES:
        image = f"brainstem/{name}:{version}"
        if not run("docker", "images", "--quiet", image).strip():
            raise Failed(
                f"There is no image {image}.\n"
                f"Build it: BRAINSTEM_VERSION={version} docker compose build"
            )


def migrate(stack: Stack, version: str) -> None:
    """Only expands, so that the version before goes on working."""
    say("migrating")
    stack.compose("run", "--rm", "--no-deps", "migrate", version=version, seconds=MIGRATE_SECONDS)


def replace(stack: Stack, service: str, version: str) -> None:
    """Each replica of a service by one of the version."""
    old = stack.containers(service)
    for container in old:
        new = added(stack, service, version)
        try:
            wait_until_ready(stack, new)
        except Failed as error:
            log = run("docker", "logs", "--tail", "20", new)
            run("docker", "rm", "--force", new)
            raise Failed(
                f"{error}\nIt was removed again; the old replicas serve. It said:\n{log}"
            ) from error
        retire(stack, service, container)


def added(stack: Stack, service: str, version: str) -> str:
    """The container of one replica more."""
    before = stack.containers(service)
    scale = f"{service}={len(before) + 1}"
    stack.compose(
        *("up", "--detach", "--no-deps", "--no-recreate", "--scale", scale, service),
        version=version,
    )
    [new] = set(stack.containers(service)) - set(before)
    return new


def retire(stack: Stack, service: str, container: str) -> None:
    """Out of nginx; what it has begun ends; then it goes."""
    name = run("docker", "inspect", "--format", "{{.Name}}", container).strip().lstrip("/")
    say(f"{name} goes")
    left = address(container)
    stack.replicas("drain", left)
    time.sleep(SETTLE_SECONDS)
    if service == "chat_service":
        end = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < end and open_answers(container):
            time.sleep(1)
    run("docker", "stop", "--time", str(STOP_SECONDS), container)
    run("docker", "rm", container)
    stack.replicas("undrain", left)


def open_answers(container: str) -> float:
    """How many programs read an answer that they can't read on elsewhere."""
    return float(run("docker", "exec", container, "python", "-c", _OPEN))


def wait_until_ready(stack: Stack, container: str) -> None:
    """Healthy, and one of those that nginx hands requests to."""
    wait_until(
        "a new replica is healthy", lambda: health(container) == "healthy", seconds=HEALTHY_SECONDS
    )
    wait_until(
        "nginx hands requests to it",
        lambda: f" {address(container)}:" in stack.replicas("show"),
        seconds=KNOWN_SECONDS,
    )


def health(container: str) -> str:
    return run("docker", "inspect", "--format", "{{.State.Health.Status}}", container).strip()


def address(container: str) -> str:
    """Where nginx finds it."""
    [found] = json.loads(run("docker", "inspect", container))
    networks = found["NetworkSettings"]["Networks"]
    [front] = [
        network["IPAddress"] for name, network in networks.items() if name.endswith("_front")
    ]
    return str(front)


def roll(stack: Stack, version: str, *, migrates: bool = True) -> None:
    """To the version; the one before is remembered."""
    before = stack.value("BRAINSTEM_VERSION") or "local"
    has_images(version)
    if migrates:
        migrate(stack, version)
    for service in REPLICATED:
        replace(stack, service, version)
    say("user interface")
    ui = ("run", "--rm", "--no-deps", "--entrypoint", "/docker-entrypoint.d/30-ui.sh", "nginx")
    stack.compose(*ui, version=version)
    say("scheduler and workers")
    stack.compose("up", "--detach", "--no-deps", "--wait", *ALONE, version=version)
    stack.remember(BRAINSTEM_VERSION=version, BRAINSTEM_VERSION_BEFORE=before)
    say(f"{version} serves; back to {before} with: make rolling-back")


def share(stack: Stack, version: str, percent: int) -> None:
    """Gives a canary its share of new requests."""
    names = [f"{service}_canary" for service in REPLICATED]
    if percent:
        has_images(version)
        migrate(stack, version)
        stack.remember(CANARY_VERSION=version)
        stack.compose("up", "--detach", "--no-deps", "--wait", *names)
        stack.replicas("canary", str(percent))
        for name in names:
            [container] = stack.containers(name)
            wait_until_ready(stack, container)
    else:
        stack.replicas("canary", "0")
        time.sleep(SETTLE_SECONDS)
        stack.compose("rm", "--stop", "--force", *names)
    say(f"the canary gets {percent} % of new requests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", nargs="?", default="")
    parser.add_argument("--back", action="store_true")
    parser.add_argument("--canary", type=int, choices=range(101), metavar="PERCENT")
    parser.add_argument("--env-file", type=Path, default=PROJECT / ".env")
    parser.add_argument("--project-name", default="")
    given = parser.parse_args()
    stack = Stack(env=given.env_file, project=given.project_name)
    version = given.version or (stack.value("BRAINSTEM_VERSION_BEFORE") if given.back else "")
    if not version and given.canary != 0:
        sys.exit("Name a version of the images: make rolling VERSION=…")
    try:
        if given.canary is None:
            roll(stack, version, migrates=not given.back)
        else:
            share(stack, version, given.canary)
    except Failed as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
