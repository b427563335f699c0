"""What can be done with endpoints: with one of them, and with those that the environment names."""

from chatbot.inference.services.endpoints import (
    EndpointCheck,
    check_endpoint,
    make_default,
    set_api_key,
    set_draining,
    set_writes_titles,
)
from chatbot.inference.services.environment import sync_environment_endpoints

__all__ = [
    "EndpointCheck",
    "check_endpoint",
    "make_default",
    "set_api_key",
    "set_draining",
    "set_writes_titles",
    "sync_environment_endpoints",
]
