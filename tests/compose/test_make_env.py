"""The file of variables that `make secrets` writes; needs no engine."""

import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

PROJECT = Path(__file__).resolve().parents[2]
SECRETS = {
    "SECRET_KEY",
    "POSTGRES_PASSWORD",
    "VALKEY_PASSWORD",
    "METRICS_TOKEN",
    "GRAFANA_PASSWORD",
    "BRAINSTEM_ADMIN_PASSWORD",
}


@pytest.fixture
def env(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def make(env: Path) -> str:
    command = [sys.executable, "compose/make_env.py", str(env)]
    return subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout


class TestMakeEnv:
    def test_gives_every_secret_a_long_random_value(self, env: Path) -> None:
        make(env)
        first = dotenv_values(env)
        env.unlink()
        make(env)
        second = dotenv_values(env)

        for name in SECRETS:
            assert len(first[name] or "") >= 16
            assert first[name] != second[name]

    def test_is_for_its_owner_only_and_prints_no_secret(self, env: Path) -> None:
        said = make(env)

        assert env.stat().st_mode & 0o077 == 0
        assert not [name for name in SECRETS if str(dotenv_values(env)[name]) in said]

    def test_changes_nothing_that_is_there(self, env: Path) -> None:
        make(env)
        env.write_text(env.read_text().replace("HTTPS_PORT=443", "HTTPS_PORT=8443") + "MINE=1\n")
        before = dotenv_values(env)

        make(env)

        assert dotenv_values(env) == before

    def test_adds_what_is_new(self, env: Path) -> None:
        env.write_text("SECRET_KEY=kept\n")

        make(env)

        values = dotenv_values(env)
        assert values["SECRET_KEY"] == "kept"  # noqa: S105 - it is none
        assert values["POSTGRES_PASSWORD"]
        assert values.keys() >= dotenv_values(PROJECT / ".env.example").keys()
