"""Set-up, as the system's Python runs it: on its own, without anything installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.embedded import set_up
from chatbot.embedded.set_up import SetUpFailed, Stamp


class TestRequirePython:
    @pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0)], ids=["older", "newer"])
    def test_names_the_versions_that_do(
        self, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
    ) -> None:
        monkeypatch.setattr(sys, "version_info", version)

        with pytest.raises(SetUpFailed, match=r"Python 3\.11, 3\.12 or 3\.13 is needed"):
            set_up.require_python()

    def test_says_what_to_install_where_environments_can_not_be_made(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "ensurepip", None)

        with pytest.raises(SetUpFailed, match="apt-get install python3-venv"):
            set_up.require_python()


class TestTrust:
    def test_is_the_machine_s(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        certificates = tmp_path / "ca-certificates.crt"
        certificates.touch()
        monkeypatch.setattr(set_up, "CERTIFICATES", certificates)

        trusted = set_up.trust()

        assert trusted == {
            "UV_SYSTEM_CERTS": "true",
            "NODE_EXTRA_CA_CERTS": str(certificates),
        }

    def test_is_the_programs_own_on_a_machine_without_certificates(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(set_up, "CERTIFICATES", tmp_path / "absent")

        assert set_up.trust() == {}


class TestStamp:
    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(set_up, "PROJECT", tmp_path)
        monkeypatch.setattr(set_up, "VENV", tmp_path)
        file = tmp_path / "lock.txt"
        file.write_text("one")
        return file

    def test_remembers_what_was_done(self, file: Path) -> None:
        Stamp("packages", [file]).set()

        assert Stamp("packages", [file]).is_set

    def test_is_unset_when_an_input_changes(self, file: Path) -> None:
        Stamp("packages", [file]).set()

        file.write_text("two")

        assert not Stamp("packages", [file]).is_set


class TestProgram:
    def test_needs_nothing_but_the_standard_library(self) -> None:
        source = "import chatbot.embedded.set_up, sys; print(*sys.modules)"

        done = subprocess.run(
            [sys.executable, "-S", "-c", source],
            cwd=Path(set_up.__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        )

        assert "django" not in done.stdout
