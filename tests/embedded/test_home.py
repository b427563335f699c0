"""The home folder: one stack at a time, secrets that stay, sentences that help."""

import os
import stat
from pathlib import Path

import pytest

from chatbot.embedded import home as home_module
from chatbot.embedded.errors import StartRefused
from chatbot.embedded.home import Home

ADDRESS = "http://127.0.0.1:8080"


class TestOpen:
    def test_makes_the_folders(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "new" / "home")

        home.open(address=ADDRESS)
        home.close()

        names = {folder.name for folder in home.path.iterdir()}
        assert {"files", "logs", "uploads", "valkey"} <= names

    def test_refuses_a_second_stack_and_says_who_is_there(self, tmp_path: Path) -> None:
        first = Home(tmp_path)
        first.open(address=ADDRESS)

        with pytest.raises(StartRefused) as refusal:
            Home(tmp_path).open(address="http://127.0.0.1:9090")

        first.close()
        assert f"already runs in {tmp_path}: process {os.getpid()}, {ADDRESS}" in str(refusal.value)
        assert "BRAINSTEM_HOME" in refusal.value.way_out

    def test_does_not_mind_the_lock_of_a_killed_stack(self, tmp_path: Path) -> None:
        (tmp_path / "lock").write_text("process 1, http://127.0.0.1:8080")
        home = Home(tmp_path)

        home.open(address=ADDRESS)
        home.close()

        assert (tmp_path / "lock").read_text() == f"process {os.getpid()}, {ADDRESS}"

    def test_refuses_a_folder_that_can_not_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(StartRefused, match="can't be written") as refusal:
            Home(tmp_path / "file" / "home").open(address=ADDRESS)

        assert "BRAINSTEM_HOME" in refusal.value.way_out

    def test_refuses_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(home_module, "FREE_BYTES", 1 << 60)
        home = Home(tmp_path)

        with pytest.raises(StartRefused, match="MB left"):
            home.open(address=ADDRESS)

        home.close()


class TestSecrets:
    def test_stay_the_same(self, tmp_path: Path) -> None:
        home = Home(tmp_path)
        made = home.secrets(secret_key="")

        home.write_environment(
            {
                "SECRET_KEY": made.secret_key,
                "EMBEDDED_POSTGRES_PASSWORD": made.postgres_password,
                "EMBEDDED_VALKEY_PASSWORD": made.valkey_password,
            }
        )

        assert home.secrets(secret_key="") == made

    def test_take_the_key_of_the_environment(self, tmp_path: Path) -> None:
        key = "of the environment"

        secrets = Home(tmp_path).secrets(secret_key=key)

        assert secrets.secret_key == key

    def test_are_not_made_anew_for_a_database_that_has_others(self, tmp_path: Path) -> None:
        (tmp_path / "postgres").mkdir()
        (tmp_path / "postgres" / "PG_VERSION").touch()

        with pytest.raises(StartRefused, match="password of the database") as refusal:
            Home(tmp_path).secrets(secret_key="")

        assert "backup" in refusal.value.way_out


class TestEnvironmentFile:
    def test_is_readable_by_its_owner_only(self, tmp_path: Path) -> None:
        home = Home(tmp_path)

        home.write_environment({"SECRET_KEY": "x"})

        assert stat.S_IMODE(home.environment_file.stat().st_mode) == 0o600

    @pytest.mark.parametrize("value", ["plain", "it's", "a\\b", "$HOME", "#1 =2", "한국어"])
    def test_gives_back_any_value(self, tmp_path: Path, value: str) -> None:
        home = Home(tmp_path)

        home.write_environment({"SECRET_KEY": value})

        assert home.secrets(secret_key="").secret_key == value
