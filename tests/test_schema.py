"""The schema and the models agree."""

import pytest
from django.core.management import call_command


@pytest.mark.django_db
class TestMigrations:
    def test_cover_every_model(self) -> None:
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)
