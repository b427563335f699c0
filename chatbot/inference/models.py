"""Model servers: what they are called here, where they are, and what they can take."""

import uuid
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatbot.inference.addresses import validate_base_url, validate_discovery, validate_scheme


class ModelKind(models.TextChoices):
    CHAT = "chat", _("chat")
    EMBEDDING = "embedding", _("embedding")


class Source(models.TextChoices):
    ENVIRONMENT = "environment", _("environment")
    ADMIN = "admin", _("admin")


def _price(name: Any) -> "models.DecimalField[Any, Any]":  # noqa: ANN401 - a lazy translation
    return models.DecimalField(
        name,
        max_digits=12,
        decimal_places=6,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("Per million tokens, in the currency that you reckon in."),
    )


def _seconds(name: Any, default: float) -> "models.FloatField[Any, Any]":  # noqa: ANN401 - as above
    return models.FloatField(
        name, default=default, validators=[MinValueValidator(0.1), MaxValueValidator(3600)]
    )


class InferenceModel(models.Model):
    """A model that people choose by name. One or more endpoints serve it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=ModelKind, default=ModelKind.CHAT)
    context_tokens = models.PositiveIntegerField(
        _("context (tokens)"), default=8192, help_text=_("Prompt and answer together.")
    )
    prompt_tokens = models.PositiveIntegerField(
        _("prompt (tokens)"), default=6000, help_text=_("What we put into a prompt at most.")
    )
    output_tokens = models.PositiveIntegerField(_("answer (tokens)"), default=1024)
    notes = models.TextField(
        _("notes"), blank=True, help_text=_("Shown to people: languages, limits.")
    )
    price_prompt = _price(_("price of prompts"))
    price_completion = _price(_("price of answers"))
    is_default = models.BooleanField(_("default"), default=False)
    writes_titles = models.BooleanField(
        _("writes titles"),
        default=False,
        db_default=False,
        help_text=_("Of conversations, after their first answers: one short request for each."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                fields=("kind",), condition=Q(is_default=True), name="one_default_model_per_kind"
            ),
            models.UniqueConstraint(
                fields=("writes_titles",),
                condition=Q(writes_titles=True),
                name="one_model_writes_titles",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Protocol(models.TextChoices):
    """What a server speaks; `chatbot.inference.registry` has a connector for each."""

    OPENAI = "openai", "OpenAI"
    ANTHROPIC = "anthropic", "Anthropic Messages"
    KSERVE_HTTP = "kserve-http", _("KServe v2 / Triton, HTTP")
    KSERVE_GRPC = "kserve-grpc", _("KServe v2 / Triton, gRPC")
    SESSION = "session", _("sessions")


class Discovery(models.TextChoices):
    NONE = "none", _("none: the address is one server")
    DNS = "dns", _("DNS: every address of the host is a server of its own")


class InferenceEndpoint(models.Model):
    """A server that answers for a model."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(InferenceModel, models.CASCADE, related_name="endpoints")
    protocol = models.CharField(
        _("protocol"), max_length=16, choices=Protocol, default=Protocol.OPENAI
    )
    base_url = models.CharField(
        _("address"),
        max_length=500,
        validators=[validate_base_url],
        help_text=_("Up to and including /v1, as clients write it; for gRPC, grpc://host:8001."),
    )
    options = models.JSONField(
        _("options"),
        default=dict,
        blank=True,
        help_text=_("Names and habits of this one server, by protocol; most need none."),
    )
    upstream_model = models.CharField(
        _("model name there"), max_length=200, help_text=_("What the server calls the model.")
    )
    encrypted_api_key = models.BinaryField(blank=True, default=b"", editable=False)
    concurrency = models.PositiveIntegerField(
        _("answers at once"), default=16, help_text=_("More wait their turn.")
    )
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=0,
        help_text=_("Lower comes first; others are asked when those are full or away."),
    )
    weight = models.PositiveSmallIntegerField(
        _("weight"),
        default=1,
        validators=[MinValueValidator(1)],
        help_text=_("The share of the questions among those of one priority."),
    )
    discovery = models.CharField(
        _("discovery"),
        max_length=16,
        choices=Discovery,
        default=Discovery.NONE,
        help_text=_("DNS suits a headless service of Kubernetes."),
    )
    is_draining = models.BooleanField(
        _("draining"), default=False, help_text=_("Gets no new questions; what runs there ends.")
    )
    connect_seconds = _seconds(_("to connect (seconds)"), 2.0)
    first_token_seconds = models.FloatField(
        _("to the first token (seconds)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0.1), MaxValueValidator(3600)],
        help_text=_("Empty: INFERENCE_FIRST_TOKEN_SECONDS."),
    )
    between_tokens_seconds = _seconds(_("between tokens (seconds)"), 30.0)
    total_seconds = _seconds(_("for a whole answer (seconds)"), 600.0)
    source = models.CharField(max_length=16, choices=Source, default=Source.ADMIN, editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    checked_at = models.DateTimeField(_("checked at"), null=True, editable=False)
    is_healthy = models.BooleanField(_("healthy"), null=True, editable=False)
    check_detail = models.CharField(_("last check"), max_length=500, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("inference endpoint")
        verbose_name_plural = _("inference endpoints")
        ordering = ("model__name", "base_url")
        constraints = [
            models.UniqueConstraint(
                fields=("model", "base_url", "upstream_model"), name="endpoint_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} @ {self.base_url}"

    def clean(self) -> None:
        try:
            validate_scheme(self.base_url, self.protocol)
        except ValidationError as error:
            raise ValidationError({"base_url": error.messages}) from error
        try:
            validate_discovery(self.base_url, self.discovery)
        except ValidationError as error:
            raise ValidationError({"discovery": error.messages}) from error
