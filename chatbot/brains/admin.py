"""Brains and who belongs to them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, QuerySet
from django.forms.models import BaseInlineFormSet, ModelChoiceField
from django.http import HttpRequest

from chatbot.accounts.models import User
from chatbot.admin_pages import LightDeletion
from chatbot.brains.models import Brain, BrainMembership, BrainRole
from chatbot.brains.selectors import counted
from chatbot.brains.services import remove_brain
from chatbot.inference.models import InferenceModel, ModelKind


class MemberForm(forms.ModelForm[BrainMembership]):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("user")) == bool(data.get("group")):
            raise ValidationError("Name either a person or a group.")
        return data


class MemberFormSet(BaseInlineFormSet[BrainMembership, Brain, forms.ModelForm[BrainMembership]]):
    def clean(self) -> None:
        super().clean()
        kept = [
            form.cleaned_data
            for form in self.forms
            if getattr(form, "cleaned_data", None) and not form.cleaned_data.get("DELETE")
        ]
        if not any(data.get("role") == BrainRole.OWNER for data in kept):
            raise ValidationError("A brain needs an owner.")


class MemberInline(admin.TabularInline[BrainMembership, Brain]):
    model = BrainMembership
    form = MemberForm
    formset = MemberFormSet
    fields = ("user", "group", "role")
    autocomplete_fields = ("user", "group")
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrainMembership, BrainMembership]:
        return super().get_queryset(request).select_related("user", "group")


@admin.register(Brain)
class BrainAdmin(LightDeletion):
    list_display = (
        "name",
        "model",
        "documents_count",
        "members_count",
        "created_by",
        "created_at",
        "updated_at",
    )
    list_filter = ("model", "created_at")
    list_select_related = ("model", "created_by")
    search_fields = ("name", "description", "=id", "memberships__user__email")
    fields = (
        "name",
        "description",
        "instructions",
        "model",
        "rewrites_questions",
        "created_by",
        "created_at",
        "updated_at",
    )
    readonly_fields = ("created_by", "created_at", "updated_at")
    inlines = (MemberInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Brain, Brain]:
        return counted(super().get_queryset(request))

    def formfield_for_foreignkey(
        self,
        db_field: ForeignKey[Any, Any],
        request: HttpRequest,
        **kwargs: Any,  # noqa: ANN401 - passed on
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == "model":
            kwargs["queryset"] = InferenceModel.objects.filter(kind=ModelKind.CHAT)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Brain, form: Any, change: bool) -> None:  # noqa: ANN401, FBT001
        if not change and isinstance(request.user, User):
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Brain) -> None:  # noqa: ARG002 - Django's
        remove_brain(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Brain, Brain]) -> None:
        for brain in queryset:
            self.delete_model(request, brain)

    @admin.display(description="Documents", ordering="documents_count")
    def documents_count(self, brain: Brain) -> int:
        return int(getattr(brain, "documents_count", 0))

    @admin.display(description="Members", ordering="members_count")
    def members_count(self, brain: Brain) -> int:
        return int(getattr(brain, "members_count", 0))
