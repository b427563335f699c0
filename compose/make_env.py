"""`python3 compose/make_env.py [FILE]`: .env from .env.example, with new secrets; kept ones stay.

Standard library only: it runs before anything is installed.
"""

import os
import secrets
import sys
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[1]
SECRETS: Final = {
    "SECRET_KEY": 48,
    "POSTGRES_PASSWORD": 24,
    "VALKEY_PASSWORD": 24,
    "METRICS_TOKEN": 24,
    "GRAFANA_PASSWORD": 12,
    "BRAINSTEM_ADMIN_PASSWORD": 12,
}
"""How many random bytes each has."""


def main() -> None:
    env = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / ".env"
    kept = _values(env.read_text()) if env.exists() else {}
    lines = [_line(line, kept) for line in (PROJECT / ".env.example").read_text().splitlines()]
    named = {name for line in lines for name in _values(line)}
    added = [f"{name}={value}" for name, value in kept.items() if name not in named]
    if added:
        lines += ["", "# --- Yours ---", *added]
    _write(env, "\n".join([*lines, ""]))
    values = _values(env.read_text())
    sys.stdout.write(
        f"{env} is {'up to date' if kept else 'made'}; only you can read it.\n"
        f"The first administrator is {values['BRAINSTEM_ADMIN_EMAIL']}; their password is there.\n"
    )


def _values(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value for name, _, value in pairs if not name.startswith("#")}


def _line(line: str, kept: dict[str, str]) -> str:
    """The line of the example with the value that .env has, or a new secret."""
    for name, value in _values(line).items():
        chosen = kept.get(name, value)
        if not chosen and name in SECRETS:
            chosen = secrets.token_urlsafe(SECRETS[name])
        return f"{name}={chosen}"
    return line


def _write(path: Path, text: str) -> None:
    """As a whole or not at all, and for its owner only from the beginning."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


if __name__ == "__main__":
    main()
