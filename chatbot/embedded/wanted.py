"""What the embedded stack is asked for. The settings module `embedded` reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """An address that is empty: start our own server."""

    home: Path
    bind: str
    port: int
    public_url: str
    allowed_hosts: list[str]
    database_url: str
    redis_url: str
    inference_url: str
    embedding_url: str
    admin_email: str
    admin_password: str
    upload_limit_megabytes: int
    tessdata: str
    inherited: Mapping[str, str]
    """The whole environment, for the processes that are started."""
