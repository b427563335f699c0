"""What has to be done before the processes work. Whatever has been done is left alone."""

import hashlib
import sys
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chatbot.accounts.models import User
from chatbot.brains.services import create_brain
from chatbot.documents.services import upload_document
from chatbot.inference.services import sync_environment_endpoints
from chatbot.jobs import redis_client
from chatbot.operations.first_admin import FirstAdmin

GUIDE = Path(__file__).with_name("demo") / "brainstem-guide.md"
DEMO_BRAIN = "Brainstem"


def prepare(*, admin_email: str, admin_password: str) -> None:
    """Everything, in an order in which it may be interrupted and done again."""
    redis_client().ping()
    _migrate()
    sync_environment_endpoints()
    _make_first_admin(email=admin_email, password=admin_password)


def _migrate() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=1, stdout=sys.stdout)


def _make_first_admin(*, email: str, password: str) -> None:
    """The account, and a brain of its own with our guide; unless there is an administrator.

    A password of the operator's choice is taken as it is: it is theirs to choose.
    """
    if User.objects.filter(is_superuser=True).exists():
        return
    if not password:
        made = FirstAdmin(settings.ENVIRONMENT.home).make(email=email)
        email, password = made.email, made.password
    admin = User.objects.create_superuser(email=email, password=password)
    brain = create_brain(
        user=admin,
        name=DEMO_BRAIN,
        description="What Brainstem is and how to use it. Delete it whenever you like.",
    )
    _upload_guide(admin, brain.pk)


def _upload_guide(admin: User, brain_id: UUID) -> None:
    content = GUIDE.read_bytes()
    with GUIDE.open("rb") as file:
        upload_document(
            user=admin,
            brain_id=brain_id,
            file=UploadedFile(file, name=GUIDE.name, size=len(content)),
            title="",
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
        )
