"""`manage.py up`: the whole of Brainstem on this machine, until Ctrl-C."""

import asyncio
import io
import sys

from django.conf import settings
from django.core.management.base import BaseCommand

from chatbot.embedded import ports, postgres
from chatbot.embedded.console import Console
from chatbot.embedded.errors import StartRefused
from chatbot.embedded.home import Home
from chatbot.embedded.stack import processes
from chatbot.embedded.start import PORT_NAMES, Start, address
from chatbot.embedded.supervisor import Supervisor
from chatbot.embedded.wanted import Wanted
from chatbot.operations.first_admin import FirstAdmin


class Command(BaseCommand):
    """Starts PostgreSQL, Valkey, the models, all processes and the front door."""

    help = "Starts everything on this machine and supervises it. Ctrl-C stops it in order."
    requires_system_checks: list[str] = []

    def handle(self, *_: object, **__: object) -> None:
        wanted: Wanted = settings.STACK  # type: ignore[misc]  # only the settings of `up` have it
        home = Home(wanted.home)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            home.open(address=address(wanted.bind, wanted.port))
            ports.require_free(wanted.bind, wanted.port)
            run(_prepared(home, wanted))
        except StartRefused as refusal:
            sys.exit(str(refusal))
        except KeyboardInterrupt:
            sys.exit("Interrupted before anything was started.")
        finally:
            home.close()


def run(start: Start) -> None:
    """Runs the stack until a signal; raises StartRefused when it can't be started."""
    chosen = processes(start)
    console = Console(
        terminal=sys.stdout,
        logs=start.wanted.home / "logs",
        names=[process.name for process in chosen],
    )
    console.say(f"starting; data is in {start.wanted.home}")
    admin = FirstAdmin(start.wanted.home)
    try:
        supervisor = Supervisor(chosen, console, on_ready=lambda: _announce(console, start, admin))
        asyncio.run(supervisor.run())
        console.say("stopped; nothing runs any more")
    finally:
        console.close()


def _prepared(home: Home, wanted: Wanted) -> Start:
    """What must be there before the first process starts: secrets, ports, a data folder."""
    secrets = home.secrets(secret_key=wanted.inherited.get("SECRET_KEY", ""))
    start = Start(wanted, secrets, ports.internal(wanted.port, PORT_NAMES))
    home.write_environment(start.kept_variables)
    if not wanted.database_url:
        folder = wanted.home / "postgres"
        if postgres.end_leftover(folder=folder):
            sys.stdout.write("A PostgreSQL that a killed run left behind was stopped.\n")
        postgres.initialise(folder=folder, password=secrets.postgres_password)
    return start


def _announce(console: Console, start: Start, admin: FirstAdmin) -> None:
    console.announce("")
    if found := admin.take():
        console.announce(f"Sign in as {found.email} with the password {found.password}")
        console.announce("It is shown only now. A new one: manage.py changepassword")
    console.announce(f"ready: {start.address}")
