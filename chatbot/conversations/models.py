"""Conversations, messages, and turns: one question, one answer."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatbot.accounts.models import ApiKey
from chatbot.brains.models import Brain
from chatbot.documents.models import Document, DocumentVersion
from chatbot.inference.models import InferenceModel


class Origin(models.TextChoices):
    """Through which door a conversation came."""

    UI = "ui", _("people")
    API = "api", _("OpenAI-compatible API")


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations")
    brain = models.ForeignKey(
        Brain, models.SET_NULL, null=True, blank=True, related_name="conversations"
    )
    model = models.ForeignKey(
        InferenceModel,
        models.SET_NULL,
        null=True,
        blank=True,
        help_text=_("Empty: the brain's model, or the default."),
    )
    title = models.CharField(_("title"), max_length=200, blank=True)
    leaf = models.ForeignKey(
        "Message",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text=_("The end of the path that is shown."),
    )
    origin = models.CharField(
        _("origin"), max_length=8, choices=Origin, default=Origin.UI, db_default=Origin.UI
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ("-updated_at", "id")
        indexes = [
            models.Index(fields=("user", "-updated_at"), name="conversation_recent"),
            models.Index(
                fields=("updated_at",), name="conversation_of_api", condition=Q(origin="api")
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)


class MessageRole(models.TextChoices):
    USER = "user", _("user")
    ASSISTANT = "assistant", _("assistant")


class TurnState(models.TextChoices):
    QUEUED = "queued", _("queued")
    RUNNING = "running", _("running")
    COMPLETED = "completed", _("completed")
    FAILED = "failed", _("failed")
    STOPPED = "stopped", _("stopped")


TERMINAL_TURN_STATES = (TurnState.COMPLETED, TurnState.FAILED, TurnState.STOPPED)
UNFINISHED_TURN_STATES = (TurnState.QUEUED, TurnState.RUNNING)


class Message(models.Model):
    """A question or an answer. An answer's figures are empty until its turn ends.

    Messages are a tree: questions beside each other are versions of one question, answers beside
    each other are several answers to it. Ordinals rise along every path.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, editable=False, related_name="children"
    )
    ordinal = models.PositiveIntegerField()
    role = models.CharField(_("role"), max_length=16, choices=MessageRole)
    text = models.TextField(_("text"), blank=True)
    reasoning = models.TextField(_("reasoning"), blank=True, default="", db_default="")
    tool_calls = models.JSONField(_("tool calls"), null=True, blank=True)
    # NULL, not "": many messages of a conversation may have none, and yet it is unique.
    client_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    model_name = models.CharField(_("model"), max_length=200, blank=True)
    finish_reason = models.CharField(_("finish reason"), max_length=32, blank=True)
    prompt_tokens = models.PositiveIntegerField(_("prompt (tokens)"), null=True)
    completion_tokens = models.PositiveIntegerField(_("answer (tokens)"), null=True)
    cost = models.DecimalField(
        _("cost"),
        max_digits=18,
        decimal_places=9,
        null=True,
        help_text=_("By the prices of the model when the answer ended; empty: it had none."),
    )
    ttft_ms = models.PositiveIntegerField(_("time to first token (ms)"), null=True)
    duration_ms = models.PositiveIntegerField(_("duration (ms)"), null=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("ordinal",)
        constraints = [
            models.UniqueConstraint(
                fields=("conversation", "ordinal"), name="message_ordinal_unique"
            ),
            models.UniqueConstraint(
                fields=("conversation", "client_id"), name="message_client_id_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.text[:50]}"


class Turn(models.Model):
    """One question on its way to one answer, owned by lease by one chat process.

    `fence` rises with every owner; a write counts only while it is the writer's. `epoch` rises when
    an answer is taken over or continued. `seq` and the answer's text are the checkpoint.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    question = models.ForeignKey(Message, models.CASCADE, related_name="turns_asked")
    answer = models.OneToOneField(Message, models.CASCADE, related_name="turn")
    state = models.CharField(_("state"), max_length=16, choices=TurnState, default=TurnState.QUEUED)
    fence = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    owner = models.CharField(_("chat process"), max_length=200, blank=True)
    epoch = models.PositiveIntegerField(default=0)
    seq = models.BigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    stop_requested = models.BooleanField(default=False)
    api_key = models.ForeignKey(
        ApiKey,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("That asked."),
    )
    request = models.JSONField(
        _("request"), null=True, editable=False, help_text=_("Of the API: messages and options.")
    )
    error_code = models.CharField(_("error"), max_length=64, blank=True)
    error_sentence = models.CharField(_("what happened"), max_length=500, blank=True)
    error_way_out = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        ordering = ("-created_at", "id")
        indexes = [
            models.Index(
                fields=("leased_until",),
                name="turn_unfinished",
                condition=Q(state__in=("queued", "running")),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Citation(models.Model):
    """A passage that was given to the model. It goes when its document goes.

    `version` is the reading that was quoted; there may be newer ones by now, and this one be gone.
    """

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, models.CASCADE, related_name="citations")
    ordinal = models.PositiveSmallIntegerField()
    document = models.ForeignKey(Document, models.CASCADE, related_name="+")
    version = models.ForeignKey(
        DocumentVersion, models.DO_NOTHING, related_name="+", db_constraint=False
    )
    page_from = models.PositiveIntegerField()
    page_to = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    quote = models.TextField()

    class Meta:
        verbose_name = _("citation")
        verbose_name_plural = _("citations")
        ordering = ("ordinal",)
        constraints = [
            models.UniqueConstraint(fields=("message", "ordinal"), name="citation_ordinal_unique")
        ]

    def __str__(self) -> str:
        return f"[{self.ordinal}] {self.document_id} p. {self.page_from}"


class DailyTokens(models.Model):
    """Tokens of a day in UTC, as model servers counted them: a person's, and those by each key."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    api_key = models.ForeignKey(
        ApiKey,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty: all of the person's."),
    )
    day = models.DateField(_("day"))
    tokens = models.PositiveBigIntegerField(_("tokens"))

    class Meta:
        verbose_name = _("tokens of a day")
        verbose_name_plural = _("tokens by day")
        ordering = ("-day", "user", "id")
        constraints = [
            models.UniqueConstraint(
                fields=("user", "api_key", "day"), nulls_distinct=False, name="daily_tokens_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.tokens}"
