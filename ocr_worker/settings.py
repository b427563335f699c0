"""Settings of the ocr worker: the domain, without admin and REST."""

from chatbot.settings.base import *  # noqa: F403 - a settings module extends another one
