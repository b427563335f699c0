"""The WSGI door of the web application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbot.settings.chatbot")
application = get_wsgi_application()
