"""The state machine of ingestion: rows in PostgreSQL, claimed by lease, written under a fence."""

from chatbot.documents.services.ingestion.attempts import (
    OLD_ATTEMPTS_AT_ONCE,
    remove_old_attempts,
)
from chatbot.documents.services.ingestion.claims import (
    Claim,
    Fenced,
    LeaseLost,
    claim_job,
    fenced,
    release_job,
    renew_lease,
)
from chatbot.documents.services.ingestion.faults import (
    bury_worker,
    count_death,
    delay_job,
    fail_job,
)
from chatbot.documents.services.ingestion.leases import Company, Lease, LeaseKeeper, WorkerStopping
from chatbot.documents.services.ingestion.pages import (
    HEADING_LINES,
    ReadPage,
    heading_lines,
    headings_before,
    unindexed_pages,
)
from chatbot.documents.services.ingestion.progress import (
    FetchedFile,
    finish_fetch,
    finish_index,
    finish_ocr,
    finish_open,
    finish_read,
    record_indexed,
)
from chatbot.documents.services.ingestion.recognised import recognised_before
from chatbot.documents.services.ingestion.reconciliation import (
    SUPERSEDED_AT_ONCE,
    reconcile,
    remove_superseded,
    repair_versions,
)
from chatbot.documents.services.ingestion.running import JobUnfinished, Pipeline, run_job
from chatbot.documents.services.ingestion.selection import (
    Load,
    ReadyJob,
    load_of,
    mark_hinted,
    ready_fetches,
    ready_jobs,
    take_turns,
    unmark_hinted,
)
from chatbot.documents.services.ingestion.workers import (
    ALIVE_SECONDS,
    remove_old_workers,
    set_draining,
    tell_alive,
    tell_ended,
)

__all__ = [
    "ALIVE_SECONDS",
    "HEADING_LINES",
    "OLD_ATTEMPTS_AT_ONCE",
    "SUPERSEDED_AT_ONCE",
    "Claim",
    "Company",
    "Fenced",
    "FetchedFile",
    "JobUnfinished",
    "Lease",
    "LeaseKeeper",
    "LeaseLost",
    "Load",
    "Pipeline",
    "ReadPage",
    "ReadyJob",
    "WorkerStopping",
    "bury_worker",
    "claim_job",
    "count_death",
    "delay_job",
    "fail_job",
    "fenced",
    "finish_fetch",
    "finish_index",
    "finish_ocr",
    "finish_open",
    "finish_read",
    "heading_lines",
    "headings_before",
    "load_of",
    "mark_hinted",
    "ready_fetches",
    "ready_jobs",
    "recognised_before",
    "reconcile",
    "record_indexed",
    "release_job",
    "remove_old_attempts",
    "remove_old_workers",
    "remove_superseded",
    "renew_lease",
    "repair_versions",
    "run_job",
    "set_draining",
    "take_turns",
    "tell_alive",
    "tell_ended",
    "unindexed_pages",
    "unmark_hinted",
]
