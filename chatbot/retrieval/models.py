"""Chunks and their embeddings."""

import uuid

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from chatbot.brains.models import Brain
from chatbot.documents.models import DocumentVersion


class IndexGeneration(models.Model):
    """All embeddings made by one model: vectors of different models are never compared."""

    id = models.BigAutoField(primary_key=True)
    model_name = models.CharField(_("model"), max_length=200)
    dimensions = models.PositiveIntegerField(_("dimensions"))
    is_active = models.BooleanField(_("active"), default=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("index generation")
        verbose_name_plural = _("index generations")
        constraints = [
            models.UniqueConstraint(
                fields=("model_name", "dimensions"), name="one_generation_per_model"
            ),
            models.UniqueConstraint(
                fields=("is_active",), condition=Q(is_active=True), name="one_active_generation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} ({self.dimensions})"


class Chunk(models.Model):
    """A passage: `text == page.text[start:end]` of page `page_from`.

    `lexemes` holds the words that lexical search finds, made by `chatbot.retrieval.lexemes`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    brain = models.ForeignKey(Brain, models.CASCADE, related_name="+")
    version = models.ForeignKey(DocumentVersion, models.CASCADE, related_name="chunks")
    page_from = models.PositiveIntegerField()
    page_to = models.PositiveIntegerField()
    ordinal = models.PositiveIntegerField(help_text=_("Within its first page."))
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    text = models.TextField()
    headings = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text=_("The titles that it stands under, from the outermost in, by line."),
    )
    embedded_sha256 = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text=_("Of what was embedded: headings and text."),
    )
    lexemes = SearchVectorField()
    lexeme_count = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("chunk")
        verbose_name_plural = _("chunks")
        constraints = [
            models.UniqueConstraint(
                fields=("version", "page_from", "ordinal"), name="chunk_place_unique"
            )
        ]
        indexes = [
            GinIndex(fields=("lexemes",), name="chunk_lexemes"),
            models.Index(fields=("brain", "embedded_sha256"), name="chunk_embedded"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} p. {self.page_from} #{self.ordinal}"


class Embedding(models.Model):
    """A chunk's vector in one generation; unit length, `dimensions` of the generation."""

    id = models.BigAutoField(primary_key=True)
    chunk = models.ForeignKey(Chunk, models.CASCADE, related_name="embeddings")
    generation = models.ForeignKey(IndexGeneration, models.CASCADE, related_name="+")
    brain = models.ForeignKey(Brain, models.CASCADE, related_name="+", db_index=False)
    vector = HalfVectorField()

    class Meta:
        verbose_name = _("embedding")
        verbose_name_plural = _("embeddings")
        constraints = [
            models.UniqueConstraint(fields=("chunk", "generation"), name="embedding_unique")
        ]
        indexes = [models.Index(fields=("brain", "generation"), name="embedding_brain")]

    def __str__(self) -> str:
        return f"{self.chunk_id} in {self.generation_id}"
