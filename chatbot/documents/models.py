"""Documents and the state machine of their ingestion.

Document -> DocumentVersion -> Page
                            -> IngestionJob (one stage on a range of pages; the row is the work)
                                            -> JobAttempt (who tried, how long, what became of it)
Worker (a process that runs jobs)
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from chatbot.brains.models import Brain
from chatbot.contracts.tasks import Stage


class VersionState(models.TextChoices):
    RECEIVED = "received", _("received")
    READING = "reading", _("reading")
    INDEXING = "indexing", _("indexing")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


TERMINAL_STATES = (VersionState.READY, VersionState.FAILED, VersionState.CANCELLED)
UNFINISHED_STATES = (VersionState.RECEIVED, VersionState.READING, VersionState.INDEXING)


class Document(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    brain = models.ForeignKey(Brain, models.CASCADE, related_name="documents")
    title = models.CharField(_("title"), max_length=300)
    sha256 = models.CharField(
        max_length=64, blank=True, editable=False, help_text=_("Empty until the file is there.")
    )
    source_url = models.CharField(
        _("address"),
        max_length=2000,
        blank=True,
        default="",
        db_default="",
        help_text=_("Where the file is fetched from."),
    )
    current_version = models.ForeignKey(
        "DocumentVersion",
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        help_text=_("The one that is searched and shown."),
    )
    next_version = models.ForeignKey(
        "DocumentVersion",
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        help_text=_("Read again from the same file; takes the current one's place at its end."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ("-created_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=("brain", "sha256"),
                condition=~Q(sha256=""),
                name="same_bytes_same_document",
            )
        ]

    def __str__(self) -> str:
        return self.title


class StoredFile(models.Model):
    """A file in storage. Its row is there before the file, and goes after it.

    So a file that no version needs is always found: after a crash in the middle of an upload, and
    after a deletion, whichever way the rows went. `linked_at` is set when a version takes it.
    """

    name = models.CharField(primary_key=True, max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)
    linked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("stored file")
        verbose_name_plural = _("stored files")

    def __str__(self) -> str:
        return self.name


class DocumentVersion(models.Model):
    """The file as it was uploaded once, and how far its ingestion is.

    Its id is the id of the API's job.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(default=1)
    storage_name = models.CharField(
        max_length=200,
        blank=True,
        db_index=True,
        editable=False,
        help_text=_("Empty until the file is there. Versions of one document may share a file."),
    )
    size_bytes = models.BigIntegerField(_("size (bytes)"), default=0)
    media_type = models.CharField(_("type"), max_length=120, blank=True)
    engine = models.CharField(
        _("OCR engine"),
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text=_("Empty: the usual one."),
    )
    state = models.CharField(
        _("state"), max_length=16, choices=VersionState, default=VersionState.RECEIVED
    )
    pages_total = models.PositiveIntegerField(
        _("pages"), null=True, help_text=_("Empty until the file has been opened.")
    )
    pages_done = models.PositiveIntegerField(_("pages done"), default=0)
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_sentence = models.CharField(_("what happened"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("document version")
        verbose_name_plural = _("document versions")
        ordering = ("-created_at", "id")
        constraints = [
            models.UniqueConstraint(fields=("document", "number"), name="version_number_unique")
        ]
        indexes = [
            models.Index(
                fields=("created_at",),
                name="version_unfinished",
                condition=Q(state__in=("received", "reading", "indexing")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.document_id} v{self.number}"


class PageSource(models.TextChoices):
    TEXT_LAYER = "text-layer", _("text layer")
    OCR = "ocr", _("OCR")


class Page(models.Model):
    """A page, slide or sheet; a part of some thousand characters where a format knows no pages.

    `boxes` is a list of `[start, end, x0, y0, x1, y1]`: characters of `text`, and the rectangle in
    points from the page's upper left corner (pixels of the image, where the file is an image).
    """

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    label = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    heading_lines = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text=_("Lines of the text that begin a heading or a fence of code."),
    )
    source = models.CharField(max_length=16, choices=PageSource, default=PageSource.TEXT_LAYER)
    engine = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text=_("The OCR engine that has read it."),
    )
    image_sha256 = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_("Of the picture that OCR has read."),
    )
    confidence = models.FloatField(null=True)
    width = models.FloatField(null=True)
    height = models.FloatField(null=True)
    boxes = models.JSONField(default=list)
    read_at = models.DateTimeField(null=True)
    indexed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("pages")
        ordering = ("number",)
        constraints = [
            models.UniqueConstraint(fields=("version", "number"), name="page_number_unique")
        ]
        indexes = [
            models.Index(fields=("image_sha256",), name="page_image", condition=~Q(image_sha256=""))
        ]

    def __str__(self) -> str:
        return f"{self.version_id} p. {self.number}"


class JobState(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


class IngestionJob(models.Model):
    """One stage on a range of pages: at most about ten seconds of work, claimed by lease.

    A write counts only while `lease_token` is the writer's. Two counters, because a bad night of
    the infrastructure must not fail healthy documents: `faults` of the document end it at 3,
    `deaths` of workers at 10. Workers that ended by themselves, and were not killed, are `crashes`:
    after one of them the job runs alone in its worker, and the second one ends the document.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="jobs")
    stage = models.CharField(
        _("stage"), max_length=8, choices=[(stage.value, stage.value) for stage in Stage]
    )
    page_from = models.PositiveIntegerField(_("from page"), default=0)
    page_to = models.PositiveIntegerField(_("to page"), default=0)
    state = models.CharField(_("state"), max_length=16, choices=JobState, default=JobState.QUEUED)
    is_long = models.BooleanField(
        default=False, help_text=_("Part of a long document: leaves a slot free for short ones.")
    )
    run_after = models.DateTimeField(_("not before"), db_default=Now())
    hinted_at = models.DateTimeField(_("sent to the broker at"), null=True)
    lease_token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True)
    faults = models.PositiveSmallIntegerField(_("faults"), default=0)
    deaths = models.PositiveSmallIntegerField(_("deaths of workers"), default=0)
    crashes = models.PositiveSmallIntegerField(
        _("crashes of workers"),
        default=0,
        db_default=0,
        help_text=_("Workers that ended by themselves over it, and were not killed."),
    )
    waits = models.PositiveSmallIntegerField(
        _("waits"), default=0, help_text=_("For storage or a server that was away; no limit.")
    )
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_detail = models.TextField(_("detail"), blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("-created_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=("version", "stage", "page_from"), name="one_job_per_stage_and_pages"
            )
        ]
        indexes = [
            models.Index(fields=("run_after",), name="job_ready", condition=Q(state="queued")),
            models.Index(fields=("leased_until",), name="job_leased", condition=Q(state="running")),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.page_from}-{self.page_to} of {self.version_id}"


class AttemptOutcome(models.TextChoices):
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    GIVEN_BACK = "given-back", _("given back")
    FAULT = "fault", _("the document's fault")
    WAIT = "wait", _("something was away")
    DEATH = "death", _("the worker died")
    CANCELLED = "cancelled", _("cancelled")


class JobAttempt(models.Model):
    """One claim of a job, from its beginning to its end; the lease's token is its id."""

    id = models.UUIDField(primary_key=True, editable=False)
    job = models.ForeignKey(IngestionJob, models.CASCADE, related_name="attempts")
    worker = models.CharField(_("worker"), max_length=200)
    outcome = models.CharField(
        _("outcome"), max_length=16, choices=AttemptOutcome, default=AttemptOutcome.RUNNING
    )
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    started_at = models.DateTimeField(_("started at"), db_default=Now())
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("started_at",)
        indexes = [models.Index(fields=("finished_at",), name="attempt_finished")]

    def __str__(self) -> str:
        return f"{self.job_id} by {self.worker}"


class Worker(models.Model):
    """A process that runs jobs; it is alive while it says so every few seconds."""

    name = models.CharField(_("name"), primary_key=True, max_length=200)
    queue = models.CharField(_("queue"), max_length=32)
    slots = models.PositiveSmallIntegerField(_("slots"))
    is_draining = models.BooleanField(
        _("draining"), default=False, help_text=_("It ends what it does, and takes no more.")
    )
    missing_walls = models.CharField(
        _("missing walls"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("Of the sandbox around its readers: this machine doesn't have them."),
    )
    started_at = models.DateTimeField(_("started at"), db_default=Now())
    seen_at = models.DateTimeField(_("last seen"), db_default=Now())
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        ordering = ("queue", "name")

    def __str__(self) -> str:
        return self.name
