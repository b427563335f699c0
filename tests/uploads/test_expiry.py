"""What is left of uploads that nobody ends."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from chatbot.accounts.models import User
from chatbot.documents.models import StoredFile
from chatbot.documents.services import files
from chatbot.scheduler.housekeeping import Housekeeping
from chatbot.uploads.models import Upload, UploadPart
from chatbot.uploads.services.finishing import remove_expired_uploads
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.uploads import begin_upload, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def upload(user: User) -> Upload:
    """Half of it has arrived."""
    upload = begin_upload(user, make_brain(owner=user), length=10)
    return send(upload, b"12345")


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class TestUploads:
    @pytest.mark.usefixtures("upload")
    def test_that_expire_go_with_their_parts(self, stored: Path) -> None:
        Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        Housekeeping().run()

        assert not Upload.objects.exists()
        assert not StoredFile.objects.exists()
        assert files_in(stored) == []

    @pytest.mark.usefixtures("upload")
    def test_that_are_written_to_stay(self) -> None:
        Upload.objects.update(
            expires_at=timezone.now() - timedelta(seconds=1),
            writer_until=timezone.now() + timedelta(seconds=9),
        )

        assert remove_expired_uploads() == 0

    @pytest.mark.usefixtures("upload")
    def test_keep_their_parts_for_longer_than_an_hour(self, stored: Path) -> None:
        StoredFile.objects.update(created_at=Now() - timedelta(hours=20))

        assert files.remove_orphans() == 0
        assert len(files_in(stored)) == 1

    def test_of_a_brain_that_is_deleted_leave_no_files(self, upload: Upload, stored: Path) -> None:
        upload.brain.delete()

        files.remove_orphans()

        assert not UploadPart.objects.exists()
        assert files_in(stored) == []
