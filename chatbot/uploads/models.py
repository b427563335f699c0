"""How files come in: uploads that can be resumed, batches of many, keys that make calls safe.

Upload -> UploadPart (bytes that have arrived, as a file in storage)
Batch -> BatchItem -> Document
IdempotencyKey (a call that was answered, and how)
"""

import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatbot.brains.models import Brain
from chatbot.documents.models import Document, VersionState


class ItemResult(models.TextChoices):
    PRESENT = "present", _("present")
    WANTED = "wanted", _("wanted")
    REFUSED = "refused", _("refused")
    RECEIVED = "received", _("received")
    CANCELLED = "cancelled", _("cancelled")


DELETED: Final = "deleted"
ITEM_STATES: Final = [
    ItemResult.WANTED.value,
    ItemResult.REFUSED.value,
    *VersionState.values,
    DELETED,
]
"""Where an item stands: its document's state, or its own while it has none."""


class Batch(models.Model):
    """Files that somebody wants in a brain, announced in one request."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    brain = models.ForeignKey(Brain, models.CASCADE, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    cancelled_at = models.DateTimeField(_("cancelled at"), null=True)

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ("-created_at", "id")

    def __str__(self) -> str:
        return str(self.pk)


class BatchItem(models.Model):
    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(Batch, models.CASCADE, related_name="items")
    ref = models.CharField(max_length=200, help_text=_("What the client calls it."))
    name = models.CharField(_("file"), max_length=255, blank=True)
    title = models.CharField(_("title"), max_length=300, blank=True)
    url = models.CharField(_("address"), max_length=2000, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, help_text=_("Empty: not announced."))
    size_bytes = models.BigIntegerField(_("size (bytes)"), null=True)
    result = models.CharField(
        _("result"), max_length=16, choices=ItemResult, default=ItemResult.WANTED
    )
    document = models.ForeignKey(Document, models.SET_NULL, null=True, related_name="+")
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_sentence = models.CharField(_("what happened"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("item of a batch")
        verbose_name_plural = _("items of batches")
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=("batch", "ref"), name="item_ref_unique")]

    def __str__(self) -> str:
        return self.ref


class UploadState(models.TextChoices):
    RECEIVING = "receiving", _("receiving")
    COMPLETE = "complete", _("complete")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


UNFINISHED: Final = (UploadState.RECEIVING, UploadState.COMPLETE)


class Upload(models.Model):
    """A file that arrives in pieces. `complete`: all bytes are here, the document is not yet.

    One request at a time writes: it holds `writer` until `writer_until`, and renews that while
    bytes come. What it stores counts only while `writer` is its own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    brain = models.ForeignKey(Brain, models.CASCADE, related_name="+")
    item = models.ForeignKey(BatchItem, models.SET_NULL, null=True, related_name="+")
    filename = models.CharField(_("file"), max_length=255, blank=True)
    title = models.CharField(_("title"), max_length=300, blank=True)
    length = models.BigIntegerField(_("size (bytes)"))
    offset = models.BigIntegerField(_("received (bytes)"), default=0)
    state = models.CharField(
        _("state"), max_length=16, choices=UploadState, default=UploadState.RECEIVING
    )
    writer = models.UUIDField(null=True)
    writer_until = models.DateTimeField(null=True)
    document = models.ForeignKey(Document, models.SET_NULL, null=True, related_name="+")
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_sentence = models.CharField(_("what happened"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires at"), db_index=True)

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ("-created_at", "id")
        indexes = [
            models.Index(
                fields=("user",),
                name="upload_unfinished",
                condition=Q(state__in=("receiving", "complete")),
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class UploadPart(models.Model):
    upload = models.ForeignKey(Upload, models.CASCADE, related_name="parts")
    start = models.BigIntegerField()
    size_bytes = models.BigIntegerField()
    storage_name = models.CharField(max_length=200, unique=True)

    class Meta:
        verbose_name = _("part of an upload")
        verbose_name_plural = _("parts of uploads")
        ordering = ("start",)
        constraints = [
            models.UniqueConstraint(fields=("upload", "start"), name="part_start_unique")
        ]

    def __str__(self) -> str:
        return f"{self.start} of {self.upload_id}"


class IdempotencyKey(models.Model):
    """A call under a key of the client's: whoever holds `token` makes what it is about.

    `status` 0: there is no answer yet. The answer is written in the transaction that makes what
    it tells of.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text=_("Of the call and its content."))
    token = models.UUIDField(null=True)
    held_until = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(null=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [models.UniqueConstraint(fields=("user", "key"), name="key_of_user_unique")]

    def __str__(self) -> str:
        return self.key
