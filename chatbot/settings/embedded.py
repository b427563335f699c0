"""`manage.py up`: only what the supervisor needs, so that it starts before anything is set."""

from chatbot.settings.embedded_env import read_wanted

STACK = read_wanted()
SECRET_KEY = "the supervisor signs nothing"  # noqa: S105 - Django refuses an empty one
INSTALLED_APPS = ["chatbot.embedded"]
USE_TZ = True
