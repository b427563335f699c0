"""The attempts at a document as a table."""

from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from chatbot.documents.models import (
    Document,
    JobAttempt,
)

ROWS: Final = 200
_HEADS: Final = ("Began", "Stage", "Pages", "Worker", "Took", "Outcome", "Detail")


def timeline(document: Document) -> SafeString:
    """The newest attempts: who did what, how long it took, and what became of it."""
    attempts = JobAttempt.objects.filter(job__version__document=document)
    newest = attempts.select_related("job__version").order_by("-started_at")[:ROWS]
    heads = format_html_join("", "<th>{}</th>", ((head,) for head in _HEADS))
    rows = format_html_join("", f"<tr>{'<td>{}</td>' * len(_HEADS)}</tr>", map(_row, newest))
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", heads, rows)


def _row(attempt: JobAttempt) -> tuple[object, ...]:
    job = attempt.job
    pages = f"{job.page_from}-{job.page_to}" if job.page_to else "-"
    ended = attempt.finished_at or timezone.now()
    seconds = f"{(ended - attempt.started_at).total_seconds():.1f} s"
    stage = f"{job.stage} (version {job.version.number})"
    began = date_format(timezone.localtime(attempt.started_at), "DATETIME_FORMAT")
    said = " ".join(filter(None, (attempt.get_outcome_display(), attempt.error_code)))
    return began, stage, pages, attempt.worker, seconds, said, job.error_detail
