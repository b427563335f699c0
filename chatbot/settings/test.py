"""Tests: the web application's settings, with quick password hashes.

Addresses have defaults so that type checks and schema generation need no server; the test run
starts PostgreSQL and Valkey and sets its own.
"""

import os

os.environ.setdefault("SECRET_KEY", "tests-only-tests-only-tests-only-tests-only")
os.environ.setdefault("DATABASE_URL", "postgresql://brainstem@127.0.0.1:1/brainstem")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")

from chatbot.settings.chatbot import *  # noqa: F403 - the environment comes first

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
