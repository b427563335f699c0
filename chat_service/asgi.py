"""What uvicorn serves: `chat_service.asgi:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat_service.settings")
django.setup()

from chat_service.routing import application  # noqa: E402 - models need Django to be set up

__all__ = ["application"]
