"""How ingestion is as a whole: for administrators and for Prometheus. Reads only."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, Sum
from django.db.models.functions import Now

from chatbot.contracts.tasks import QUEUE_OF_STAGE, Queue, Stage
from chatbot.documents.models import (
    UNFINISHED_STATES,
    DocumentVersion,
    JobAttempt,
    VersionState,
    Worker,
)
from chatbot.documents.services.ingestion import ALIVE_SECONDS

PEOPLE_SHOWN: Final = 50
_DURATION: Final = ExpressionWrapper(
    F("finished_at") - F("started_at"), output_field=DurationField()
)


@dataclass(frozen=True, slots=True)
class StageLoad:
    """One stage of all documents."""

    stage: Stage
    ready: int
    """Jobs that could be begun now."""
    put_off: int
    """Jobs that wait for something that was away, or after a fault."""
    running: int
    oldest_seconds: float
    """How long the oldest ready one has waited."""

    @property
    def queue(self) -> Queue:
        return QUEUE_OF_STAGE[self.stage]


@dataclass(frozen=True, slots=True)
class PersonLoad:
    """What one person's documents wait for."""

    email: str
    """Empty: of an account that is gone."""
    ready: int
    running: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class QueueWorkers:
    queue: Queue
    alive: int
    draining: int
    slots: int
    """Jobs that those which take some can run at once."""


@dataclass(frozen=True, slots=True)
class StageAttempts:
    """What attempts at a stage came to, lately."""

    stage: Stage
    outcome: str
    count: int
    seconds: float
    """All of them together."""


def stage_loads() -> list[StageLoad]:
    """Every stage, in the order in which documents pass them."""
    found = {
        row[0]: row
        for row in _rows(
            """
            SELECT job.stage,
                count(*) FILTER (WHERE job.state = 'queued' AND run_after <= statement_timestamp()),
                count(*) FILTER (WHERE job.state = 'queued' AND run_after > statement_timestamp()),
                count(*) FILTER (WHERE job.state = 'running'),
                coalesce(extract(epoch FROM
                    statement_timestamp() - min(greatest(job.created_at, run_after)) FILTER (
                        WHERE job.state = 'queued' AND run_after <= statement_timestamp()
                    )
                ), 0)::float
            FROM documents_ingestionjob AS job
            WHERE job.state IN ('queued', 'running')
            GROUP BY job.stage
            """
        )
    }
    return [StageLoad(stage, *found.get(stage.value, (stage, 0, 0, 0, 0.0))[1:]) for stage in Stage]


def person_loads() -> list[PersonLoad]:
    """The people for whom most is waiting."""
    rows = _rows(
        """
        SELECT coalesce(person.email, ''),
            count(*) FILTER (WHERE job.state = 'queued'),
            count(*) FILTER (WHERE job.state = 'running'),
            coalesce(extract(epoch FROM statement_timestamp() - min(job.created_at)
                FILTER (WHERE job.state = 'queued')), 0)::float
        FROM documents_ingestionjob AS job
        JOIN documents_documentversion AS version ON version.id = job.version_id
        JOIN documents_document AS document ON document.id = version.document_id
        LEFT JOIN accounts_user AS person ON person.id = document.created_by_id
        WHERE job.state IN ('queued', 'running')
        GROUP BY person.email
        ORDER BY 2 DESC, 3 DESC, 1
        LIMIT %s
        """,
        PEOPLE_SHOWN,
    )
    return [PersonLoad(*row) for row in rows]


def queue_workers() -> list[QueueWorkers]:
    """Workers that have said lately that they are there."""
    alive = Worker.objects.filter(
        ended_at__isnull=True, seen_at__gt=Now() - timedelta(seconds=ALIVE_SECONDS)
    )
    counted = {
        row["queue"]: row
        for row in alive.values("queue").annotate(
            alive=Count("pk"),
            draining=Count("pk", filter=Q(is_draining=True)),
            offered=Sum("slots", filter=Q(is_draining=False), default=0),
        )
    }
    nothing = {"alive": 0, "draining": 0, "offered": 0}
    found = [(queue, counted.get(queue.value, nothing)) for queue in Queue]
    return [
        QueueWorkers(queue, row["alive"], row["draining"], row["offered"]) for queue, row in found
    ]


def unfinished_documents() -> dict[str, int]:
    """How many versions are in each state that is not an end."""
    states = DocumentVersion.objects.filter(state__in=UNFINISHED_STATES)
    counted = dict(states.values_list("state").annotate(Count("pk")))
    return {state.value: counted.get(state.value, 0) for state in UNFINISHED_STATES}


def failures(*, within: timedelta) -> dict[str, int]:
    """How many versions have failed lately, by the code of their error."""
    failed = DocumentVersion.objects.filter(
        state=VersionState.FAILED, finished_at__gt=Now() - within
    )
    counted = failed.values_list("error_code").annotate(count=Count("pk"))
    return dict(counted.order_by("-count", "error_code"))


def attempts(*, within: timedelta) -> list[StageAttempts]:
    """Attempts that have ended lately."""
    counted = (
        JobAttempt.objects.filter(finished_at__gt=Now() - within)
        .values_list("job__stage", "outcome")
        .annotate(count=Count("pk"), seconds=Sum(_DURATION))
        .order_by("job__stage", "outcome")
    )
    return [
        StageAttempts(Stage(stage), outcome, count, seconds.total_seconds())
        for stage, outcome, count, seconds in counted
    ]


def _rows(statement: str, *parameters: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
