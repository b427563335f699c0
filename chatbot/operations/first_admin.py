"""The generated password of the first administrator, on its way to the person who started us.

It waits in the home folder, for its owner only, from before the account is made until it has been
shown: whatever is killed in between, it is shown once.
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

_PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class Credentials:
    email: str
    password: str


class FirstAdmin:
    def __init__(self, home: Path) -> None:
        self._file = home / "first-admin"

    def make(self, *, email: str) -> Credentials:
        """A password for the account that is about to be made; the same one until it was shown."""
        if waiting := self._waiting():
            return waiting
        made = Credentials(email, secrets.token_urlsafe(_PASSWORD_BYTES))
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"email": made.email, "password": made.password}, file)
        return made

    def take(self) -> Credentials | None:
        """What waits to be shown, once."""
        waiting = self._waiting()
        self._file.unlink(missing_ok=True)
        return waiting

    def _waiting(self) -> Credentials | None:
        try:
            return Credentials(**json.loads(self._file.read_text()))
        except (OSError, ValueError, TypeError):
            return None
