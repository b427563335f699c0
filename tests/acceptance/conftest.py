"""A chat process with a scripted model behind it, and a person with a key and a brain."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatbot.accounts.models import Scope
from tests.chat_service.processes import running_chat_process
from tests.child_processes import PROJECT
from tests.factories.accounts import make_api_key, make_user
from tests.factories.brains import make_brain
from tests.factories.inference import make_endpoint, make_model
from tests.factories.retrieval import index_document
from tests.fakes.scripted_server import ScriptedServer, scripted_process, scripted_server

__all__ = ["scripted_process", "scripted_server"]

ENVIRONMENT = PROJECT / ".venv-acceptance"
NODE = PROJECT / ".venv" / "bin" / "node"
PATIENCE_SECONDS = 110
PAGE = "The brainstem keeps the body breathing while every other part is busy."


@dataclass(frozen=True)
class Door:
    """The door, as programs of others are told of it."""

    variables: dict[str, str]
    scripted: ScriptedServer
    home: Path

    def run(self, *words: str, **variables: str) -> str:
        """A program of the acceptance environment, or Node; its output."""
        done = subprocess.run(
            words,
            cwd=PROJECT / "tests" / "acceptance",
            env={**self.variables, **variables},
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def door(
    transactional_db: None,  # noqa: ARG001 - the database comes first
    scripted_server: ScriptedServer,
    tmp_path: Path,
) -> Iterator[Door]:
    person = make_user()
    _, key = make_api_key(person, Scope.CHAT)
    for name in ("Scripted", "Scripted too"):
        make_endpoint(make_model(name=name), base_url=scripted_server.base_url)
    brain = make_brain(owner=person)
    index_document(brain, PAGE, title="Anatomy")
    with running_chat_process() as chat:
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "OPENAI_BASE_URL": f"{chat.http}/v1",
            "OPENAI_API_KEY": key,
            "SCRIPTED_URL": scripted_server.address,
            "BRAIN_MODEL": f"brain:{brain.pk}",
            "LANGSMITH_TRACING": "false",
            # There is no network where these run, and nothing to look for in it.
            "NO_PROXY": "*",
        }
        yield Door(variables, scripted_server, tmp_path)
