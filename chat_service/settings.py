"""Settings of the chat service: the domain, without admin and REST."""

from chatbot.settings.base import *  # noqa: F403 - a settings module extends another one
from chatbot.settings.base import DATABASES

# Instead of a statement before each use, chat_service.database looks at the socket.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
# A network that swallows packets is noticed, so that the few connections don't wait for ever.
DATABASES["default"]["OPTIONS"].setdefault("tcp_user_timeout", 10_000)
