"""What is done before the processes start, on a real database."""

from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.documents.models import Document
from chatbot.operations.first_admin import FirstAdmin
from chatbot.operations.preparation import prepare

EMAIL = "first@example.org"
CHOSEN = "changeme"
"""Any password that an operator chooses is taken."""


@pytest.fixture(autouse=True)
def _home(settings: Settings) -> None:
    settings.ENVIRONMENT.home.mkdir(parents=True, exist_ok=True)


@pytest.mark.django_db(transaction=True)
class TestPrepare:
    def test_makes_the_first_administrator_with_a_password_that_is_shown_once(self) -> None:
        prepare(admin_email=EMAIL, admin_password="")

        shown = FirstAdmin(settings.ENVIRONMENT.home).take()
        admin = User.objects.get(is_superuser=True)
        assert shown is not None
        assert (admin.email, shown.email) == (EMAIL, EMAIL)
        assert admin.check_password(shown.password)
        assert FirstAdmin(settings.ENVIRONMENT.home).take() is None

    def test_takes_a_password_of_the_operator_and_shows_none(self) -> None:
        prepare(admin_email=EMAIL, admin_password=CHOSEN)

        assert User.objects.get(email=EMAIL).check_password(CHOSEN)
        assert FirstAdmin(settings.ENVIRONMENT.home).take() is None

    def test_makes_a_brain_with_a_document_to_try(self) -> None:
        prepare(admin_email=EMAIL, admin_password=CHOSEN)

        document = Document.objects.get()
        assert document.brain.name == "Brainstem"
        assert document.current_version is not None
        assert document.current_version.media_type == "text/markdown"

    def test_does_nothing_of_this_again(self) -> None:
        prepare(admin_email=EMAIL, admin_password=CHOSEN)
        Brain.objects.all().delete()

        prepare(admin_email="second@example.org", admin_password=CHOSEN)

        assert list(User.objects.values_list("email", flat=True)) == [EMAIL]
        assert not Brain.objects.exists()


class TestFirstAdmin:
    def test_shows_the_same_password_when_it_was_interrupted_before(self, tmp_path: Path) -> None:
        made = FirstAdmin(tmp_path).make(email=EMAIL)

        again = FirstAdmin(tmp_path).make(email=EMAIL)

        assert again == made
        assert (tmp_path / "first-admin").stat().st_mode & 0o077 == 0
