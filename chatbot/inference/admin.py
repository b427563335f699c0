"""Models and where they are served, with a button that asks the server whether it works.

What the environment names is the environment's: it can be switched off and checked here, and is
changed where the variables are.
"""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.timesince import timesince

from chatbot.admin_pages import Button, ButtonsAdmin, LightDeletion, ReadOnlyInline
from chatbot.contracts.errors import Unavailable
from chatbot.inference.addresses import normalised_base_url
from chatbot.inference.api_keys import validate_api_key
from chatbot.inference.connectors.options import OptionsWrong
from chatbot.inference.live_columns import LiveColumns
from chatbot.inference.models import (
    InferenceEndpoint,
    InferenceModel,
    ModelKind,
    Protocol,
    Source,
)
from chatbot.inference.registry import check_options
from chatbot.inference.selectors import is_of_environment, with_availability
from chatbot.inference.services import (
    check_endpoint,
    make_default,
    set_api_key,
    set_draining,
    set_writes_titles,
)


def _check(endpoint: InferenceEndpoint) -> str:
    check = check_endpoint(endpoint_id=endpoint.pk)
    if not check.is_healthy:
        raise Unavailable(check.detail, code="endpoint-unhealthy")
    return f"works: {check.detail}."


def _drain(endpoint: InferenceEndpoint) -> str:
    set_draining(endpoint_id=endpoint.pk, is_draining=True)
    return "gets no new questions from now on; what runs there ends."


def _undrain(endpoint: InferenceEndpoint) -> str:
    set_draining(endpoint_id=endpoint.pk, is_draining=False)
    return "gets questions again."


TIME_OUTS = (
    "connect_seconds",
    "first_token_seconds",
    "between_tokens_seconds",
    "total_seconds",
)
OF_ENVIRONMENT = ("model", "protocol", "base_url", "upstream_model", "discovery", "concurrency")
"""What the environment has the last word on."""


class EndpointForm(forms.ModelForm[InferenceEndpoint]):
    """An API key goes in and never comes out."""

    api_key = forms.CharField(
        label="API key",
        required=False,
        max_length=1000,
        validators=[validate_api_key],
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Empty: what is stored stays. It is encrypted and never shown.",
    )
    forget_api_key = forms.BooleanField(label="Forget the API key", required=False)

    class Meta:
        model = InferenceEndpoint
        fields = (
            "model",
            "protocol",
            "base_url",
            "upstream_model",
            "options",
            "discovery",
            "concurrency",
            "priority",
            "weight",
            *TIME_OUTS,
            "is_enabled",
            "is_draining",
        )

    def clean_base_url(self) -> str:
        protocol = self.cleaned_data.get("protocol", Protocol.OPENAI)
        return normalised_base_url(self.cleaned_data["base_url"], protocol)

    def clean_options(self) -> Any:  # noqa: ANN401 - whatever JSON was written
        given = self.cleaned_data["options"]
        return {} if given is None else given

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        # The environment's rows have neither in the form.
        protocol = data.get("protocol", self.instance.protocol)
        model = data.get("model") or getattr(self.instance, "model", None)
        kind = model.kind if model else ModelKind.CHAT
        if "options" in data:
            try:
                check_options(protocol, data["options"], kind=kind)
            except OptionsWrong as error:
                raise ValidationError({"options": error.sentence}) from error
        if protocol != Protocol.OPENAI and kind == ModelKind.EMBEDDING:
            raise ValidationError({"protocol": "Embeddings are asked for in OpenAI's protocol."})
        return data

    def changed_key(self) -> str | None:
        """The key to store; empty: forget it; None: leave it."""
        if self.cleaned_data.get("forget_api_key"):
            return ""
        return self.cleaned_data.get("api_key") or None


@admin.register(InferenceEndpoint)
class InferenceEndpointAdmin(LiveColumns, ButtonsAdmin):
    form = EndpointForm
    list_display = (
        "base_url",
        "model",
        "upstream_model",
        "protocol",
        "is_enabled",
        "is_draining",
        "priority",
        "load",
        "concurrency",
        "circuit",
        "health",
        "queue",
        "source",
    )
    list_filter = ("is_enabled", "is_draining", "model__kind", "source")
    list_select_related = ("model",)
    search_fields = ("base_url", "upstream_model", "model__name")
    autocomplete_fields = ("model",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "model",
                    "protocol",
                    "base_url",
                    "upstream_model",
                    "options",
                    "discovery",
                    "concurrency",
                )
            },
        ),
        ("Order and time-outs", {"fields": (("priority", "weight"), TIME_OUTS)}),
        ("API key", {"fields": ("has_api_key", "api_key", "forget_api_key")}),
        (
            "State",
            {
                "fields": (
                    "is_enabled",
                    "is_draining",
                    "load",
                    "circuit",
                    "health",
                    "queue",
                    "is_healthy",
                    "checked",
                    "check_detail",
                    "source",
                    "buttons",
                )
            },
        ),
    )
    readonly_fields = (
        "has_api_key",
        "is_healthy",
        "checked",
        "check_detail",
        "load",
        "circuit",
        "health",
        "queue",
        "source",
        "buttons",
    )
    actions = ("check_now", "drain", "undrain")
    object_buttons: ClassVar[dict[str, Button]] = {
        "check": Button("Check now", _check),
        "drain": Button("Drain", _drain),
        "undrain": Button("End draining", _undrain),
    }

    def get_readonly_fields(
        self, request: HttpRequest, obj: InferenceEndpoint | None = None
    ) -> tuple[str, ...]:
        fixed = tuple(super().get_readonly_fields(request, obj))
        if obj is None or obj.source != Source.ENVIRONMENT:
            return fixed
        return (*fixed, *OF_ENVIRONMENT)

    def get_fieldsets(
        self, request: HttpRequest, obj: InferenceEndpoint | None = None
    ) -> list[Any]:
        place, order, key, state = super().get_fieldsets(request, obj)
        if obj is not None and obj.source == Source.ENVIRONMENT:
            said = "Named by INFERENCE_URL or EMBEDDING_URL; changed where the variables are."
            return [(None, {**place[1], "description": said}), order, state]
        return [place, order, key, state]

    def has_delete_permission(
        self, request: HttpRequest, obj: InferenceEndpoint | None = None
    ) -> bool:
        """The next start would bring it back: it is switched off instead."""
        mine = obj is None or obj.source != Source.ENVIRONMENT
        return mine and super().has_delete_permission(request, obj)

    def save_model(
        self,
        request: HttpRequest,
        obj: InferenceEndpoint,
        form: EndpointForm,
        change: bool,  # noqa: FBT001 - Django calls it so
    ) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            key = form.changed_key()
            if key is not None and obj.source != Source.ENVIRONMENT:
                set_api_key(endpoint_id=obj.pk, api_key=key)

    @admin.action(description="Check now", permissions=["view"])
    def check_now(
        self, request: HttpRequest, endpoints: QuerySet[InferenceEndpoint, InferenceEndpoint]
    ) -> None:
        self.press_all(request, self.object_buttons["check"], endpoints)

    @admin.action(description="Drain", permissions=["change"])
    def drain(
        self, request: HttpRequest, endpoints: QuerySet[InferenceEndpoint, InferenceEndpoint]
    ) -> None:
        self.press_all(request, self.object_buttons["drain"], endpoints)

    @admin.action(description="End draining", permissions=["change"])
    def undrain(
        self, request: HttpRequest, endpoints: QuerySet[InferenceEndpoint, InferenceEndpoint]
    ) -> None:
        self.press_all(request, self.object_buttons["undrain"], endpoints)

    @admin.display(description="API key stored", boolean=True)
    def has_api_key(self, endpoint: InferenceEndpoint) -> bool:
        return bool(endpoint.encrypted_api_key)

    @admin.display(description="Checked", ordering="checked_at")
    def checked(self, endpoint: InferenceEndpoint) -> str:
        return f"{timesince(endpoint.checked_at)} ago" if endpoint.checked_at else "never"


class EndpointInline(ReadOnlyInline):
    model = InferenceEndpoint
    fields = ("base_url", "upstream_model", "is_enabled", "is_healthy", "check_detail")
    readonly_fields = fields


class ModelForm(forms.ModelForm[InferenceModel]):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        names = ("context_tokens", "prompt_tokens", "output_tokens")
        context, prompt, output = (data.get(name, 0) for name in names)
        if prompt + output > context:
            raise ValidationError("Prompt and answer together must fit into the context.")
        return data


def _make_default(model: InferenceModel) -> str:
    make_default(model_id=model.pk)
    return "answers now where nothing else is chosen."


def _begin_titles(model: InferenceModel) -> str:
    set_writes_titles(model_id=model.pk, writes=True)
    return "names conversations from now on."


def _end_titles(model: InferenceModel) -> str:
    set_writes_titles(model_id=model.pk, writes=False)
    return "names no conversations."


@admin.register(InferenceModel)
class InferenceModelAdmin(ButtonsAdmin, LightDeletion):
    form = ModelForm
    list_display = (
        "name",
        "kind",
        "is_default",
        "is_served",
        "writes_titles",
        "context_tokens",
        "prompt_tokens",
        "output_tokens",
    )
    list_filter = ("kind", "is_default")
    search_fields = ("name", "notes")
    fields = (
        "name",
        "kind",
        "context_tokens",
        "prompt_tokens",
        "output_tokens",
        "price_prompt",
        "price_completion",
        "notes",
        "is_default",
        "writes_titles",
        "buttons",
    )
    readonly_fields = ("is_default", "writes_titles", "buttons")
    inlines = (EndpointInline,)
    actions = ("make_default",)
    object_buttons: ClassVar[dict[str, Button]] = {
        "default": Button("Make it the default", _make_default),
        "titles": Button("Let it write titles", _begin_titles),
        "no_titles": Button("Let it write no titles", _end_titles),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[InferenceModel, InferenceModel]:
        return with_availability(super().get_queryset(request))

    def get_readonly_fields(
        self, request: HttpRequest, obj: InferenceModel | None = None
    ) -> tuple[str, ...]:
        fixed = tuple(super().get_readonly_fields(request, obj))
        if obj is None or not is_of_environment(obj):
            return fixed
        return (*fixed, "kind", "context_tokens", "prompt_tokens", "output_tokens", "notes")

    @admin.action(description="Make it the default", permissions=["change"])
    def make_default(
        self, request: HttpRequest, models: QuerySet[InferenceModel, InferenceModel]
    ) -> None:
        self.press_all(request, self.object_buttons["default"], models)

    @admin.display(description="Served", boolean=True)
    def is_served(self, model: InferenceModel) -> bool:
        return bool(getattr(model, "is_available", False))
