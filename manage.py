#!/usr/bin/env python
"""Django's command line. `manage.py up` starts the whole embedded stack."""

import os
import sys

try:
    from django.core.management import execute_from_command_line

    from chatbot.settings.env import EnvironmentMistake
except KeyboardInterrupt:
    sys.exit("Interrupted.")

SETTINGS = {"up": "chatbot.settings.embedded"}

if __name__ == "__main__":
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS.get(verb, "chatbot.settings.chatbot"))
    try:
        execute_from_command_line(sys.argv)
    except EnvironmentMistake as mistake:
        sys.exit(f"The environment has mistakes.\n{mistake}")
    except KeyboardInterrupt:
        sys.exit("Interrupted.")
