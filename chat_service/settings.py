"""Settings of the chat service: the domain, without admin and REST."""

from chatbot.settings.base import *  # noqa: F403 - a settings module extends another one
