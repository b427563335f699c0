"""Which models there are, and where they are served. Health is advice: nobody waits for a check."""

from django.db.models import Case, Exists, F, IntegerField, OuterRef, QuerySet, Value, When

from chatbot.inference.models import InferenceEndpoint, InferenceModel, ModelKind, Source

_IS_SERVED = Exists(
    InferenceEndpoint.objects.filter(model=OuterRef("pk"), is_enabled=True, is_draining=False)
)


def with_availability(
    models: QuerySet[InferenceModel, InferenceModel],
) -> QuerySet[InferenceModel, InferenceModel]:
    """Annotated with `is_available`: an endpoint that takes questions serves it."""
    return models.annotate(is_available=_IS_SERVED)


def chat_models() -> QuerySet[InferenceModel, InferenceModel]:
    """What people can choose from, by name; annotated with `is_available`."""
    return with_availability(InferenceModel.objects.filter(kind=ModelKind.CHAT))


def served_chat_models() -> QuerySet[InferenceModel, InferenceModel]:
    """The chat models that an enabled endpoint serves."""
    return InferenceModel.objects.filter(_IS_SERVED, kind=ModelKind.CHAT)


def is_of_environment(model: InferenceModel) -> bool:
    """Whether the environment names a server of the model, and so has the last word on it."""
    return model.endpoints.filter(source=Source.ENVIRONMENT).exists()


def default_chat_model() -> InferenceModel | None:
    """What answers where nothing else was chosen; None: there is no chat model at all.

    An available model goes before one that isn't, and then the one that is marked as the default.
    """
    return _default(ModelKind.CHAT)


def default_embedding_model() -> InferenceModel | None:
    """The model of all embeddings that are made from now on."""
    return _default(ModelKind.EMBEDDING)


def endpoints_of(model: InferenceModel) -> list[InferenceEndpoint]:
    """The endpoints of a model that take questions, by priority.

    Among equals healthy ones come first, then those never checked.
    """
    return list(_enabled_endpoints().filter(model=model))


def watched_endpoints() -> list[InferenceEndpoint]:
    """All enabled chat endpoints, those that are drained too."""
    return list(
        InferenceEndpoint.objects.filter(is_enabled=True, model__kind=ModelKind.CHAT)
        .select_related("model")
        .order_by("pk")
    )


def embedding_endpoint() -> InferenceEndpoint | None:
    """Where texts are embedded; None: no embedding server is set up."""
    model = default_embedding_model()
    return _enabled_endpoints().filter(model=model).first() if model else None


def _default(kind: ModelKind) -> InferenceModel | None:
    models = InferenceModel.objects.filter(kind=kind)
    return models.order_by(_IS_SERVED.desc(), "-is_default", "created_at").first()


def _enabled_endpoints() -> QuerySet[InferenceEndpoint, InferenceEndpoint]:
    health = Case(
        When(is_healthy=True, then=Value(0)),
        When(is_healthy=False, then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return (
        InferenceEndpoint.objects.filter(is_enabled=True, is_draining=False)
        .select_related("model")
        .order_by("priority", health, F("created_at"))
    )
