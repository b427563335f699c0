"""The variables of `manage.py up`: none is required."""

import os
from collections.abc import Callable
from ipaddress import ip_address

from environs import Env, validate
from marshmallow import ValidationError

from chatbot.embedded.wanted import Wanted
from chatbot.settings.env import (
    FIRST_ADMIN_EMAIL,
    IS_HTTP,
    IS_MODEL_SERVER,
    IS_POSTGRES,
    IS_REDIS,
    home_folder,
    seal,
)


def read_wanted() -> Wanted:
    """Reads and checks the variables.

    Raises:
        EnvironmentMistake: with a line for every variable that is wrong.
    """
    env = Env(eager=False)
    wanted = Wanted(
        home=home_folder(),
        bind=env.str("BIND", "127.0.0.1", validate=_is_ip_address),
        port=env.int("PORT", 8080, validate=validate.Range(min=1, max=65535)),
        public_url=env.str("PUBLIC_URL", "", validate=_if_set(IS_HTTP)),
        allowed_hosts=env.list("ALLOWED_HOSTS", []),
        database_url=env.str("DATABASE_URL", "", validate=_if_set(IS_POSTGRES)),
        redis_url=env.str("REDIS_URL", "", validate=_if_set(IS_REDIS)),
        inference_url=env.str("INFERENCE_URL", "", validate=_if_set(IS_MODEL_SERVER)),
        embedding_url=env.str("EMBEDDING_URL", "", validate=_if_set(IS_HTTP)),
        admin_email=env.str("BRAINSTEM_ADMIN_EMAIL", FIRST_ADMIN_EMAIL, validate=validate.Email()),
        admin_password=env.str("BRAINSTEM_ADMIN_PASSWORD", ""),
        upload_limit_megabytes=env.int("UPLOAD_LIMIT_MB", 200, validate=validate.Range(min=1)),
        tessdata=env.str("TESSDATA_PREFIX", ""),
        inherited=dict(os.environ),
    )
    seal(env)
    return wanted


def _if_set(check: Callable[[str], str]) -> Callable[[str], str]:
    return lambda value: check(value) if value else value


def _is_ip_address(value: str) -> str:
    try:
        ip_address(value)
    except ValueError as error:
        raise ValidationError("Must be an IP address, such as 0.0.0.0 for all.") from error
    return value
