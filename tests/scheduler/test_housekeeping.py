"""What the leader looks after."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError, ProgrammingError, connection
from django.db.models.functions import Now
from django.utils import timezone

from chatbot.accounts.models import RefreshToken
from chatbot.documents.models import IngestionJob, JobState, StoredFile
from chatbot.scheduler.housekeeping import Chore, Housekeeping
from tests.factories.accounts import make_user
from tests.factories.brains import make_brain
from tests.factories.documents import claim, make_document, make_job, upload
from tests.stored_files import stored

__all__ = ["stored"]

pytestmark = pytest.mark.django_db


class TestHousekeeping:
    def test_takes_up_the_work_of_dead_workers(self) -> None:
        job = make_job(make_document(make_brain(owner=make_user())))
        claim(job)
        IngestionJob.objects.update(leased_until=Now() - timedelta(seconds=1))

        Housekeeping().run()

        job.refresh_from_db()
        assert (job.state, job.deaths) == (JobState.QUEUED, 1)

    def test_removes_files_that_no_document_needs(self, stored: Path) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        upload(user, brain).document.delete()

        Housekeeping().run()

        assert [path for path in stored.rglob("*") if path.is_file()] == []
        assert not StoredFile.objects.exists()

    def test_forgets_expired_refresh_tokens(self) -> None:
        user = make_user()
        now = timezone.now()
        kept, _ = (
            RefreshToken.objects.create(
                user=user, family=uuid.uuid4(), expires_at=now + timedelta(hours=hours)
            )
            for hours in (1, -1)
        )

        Housekeeping().run()

        assert list(RefreshToken.objects.all()) == [kept]


class TestChores:
    def test_are_done_at_their_own_pace(self) -> None:
        done: list[str] = []
        housekeeping = with_chores(noting(done))

        housekeeping.run()
        housekeeping.run()

        assert done == ["chore"]

    def test_go_on_at_once_while_there_is_more(self) -> None:
        done: list[str] = []
        housekeeping = with_chores(noting(done, found=50), at_once=50)

        housekeeping.run()
        housekeeping.run()

        assert done == ["chore", "chore"]

    @pytest.mark.parametrize(
        "error",
        [ValueError("bug"), OperationalError("statement timeout"), IntegrityError("bug")],
        ids=["bug", "statement that takes too long", "statement that is refused"],
    )
    def test_do_not_stop_each_other(
        self, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        done: list[str] = []
        housekeeping = with_chores(broken(error), noting(done))

        housekeeping.run()

        assert done == ["chore"]
        assert "failed" in caplog.text

    def test_say_when_postgres_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "is_usable", lambda: False)

        with pytest.raises(OperationalError):
            with_chores(broken(OperationalError("away"))).run()

    def test_say_when_there_is_no_schema(self) -> None:
        with pytest.raises(ProgrammingError):
            with_chores(broken(ProgrammingError("no such table"))).run()


def noting(done: list[str], *, found: int = 0) -> Callable[[], int]:
    def chore() -> int:
        done.append("chore")
        return found

    return chore


def broken(error: Exception) -> Callable[[], int]:
    def chore() -> int:
        raise error

    return chore


def with_chores(*chores: Callable[[], int], at_once: int = 0) -> Housekeeping:
    housekeeping = Housekeeping()
    housekeeping._chores[:] = [Chore(chore, every_seconds=60, at_once=at_once) for chore in chores]
    return housekeeping
