"""People, groups, and what they sign in with."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import (
    AdminPasswordChangeForm,
    AdminUserCreationForm,
    UserChangeForm,
)
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest

from chatbot.accounts.models import ApiKey, RefreshToken, User
from chatbot.accounts.services.api_keys import revoke_api_keys
from chatbot.accounts.services.departures import Leaving, handing_over, left_behind, remove
from chatbot.accounts.services.sign_in import check_credentials
from chatbot.accounts.services.tokens import end_sessions, revoke_refresh_token
from chatbot.admin_pages import Button, ButtonsAdmin, LightDeletion, ReadOnlyAdmin
from chatbot.api.client import client_address
from chatbot.contracts.errors import AppError

SHOWN_BRAINS: Final = 20
"""Named in a message; of more only the number is told."""

admin.site.site_header = "Brainstem"
admin.site.site_title = "Brainstem"
admin.site.index_title = "Administration"


class SignInForm(AdminAuthenticationForm):
    """Signing in to the admin counts as everywhere else: by address and account."""

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            address = client_address(self.request) if self.request else ""
            try:
                user = check_credentials(email=email, password=password, address=address)
            except AppError as error:
                raise ValidationError(error.sentence, code=error.error_code) from error
            self.user_cache = user
            self.confirm_login_allowed(user)
        return self.cleaned_data


admin.site.login_form = SignInForm


class _LowerCaseEmail(forms.ModelForm[User]):
    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


# Django's forms for accounts are generic in the stubs only: hence the ignored `type-arg`.
class NewUserForm(_LowerCaseEmail, AdminUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email", "name", "language", "is_superuser")
        labels: ClassVar[dict[str, str]] = {"is_superuser": "Administrator"}


class UserForm(_LowerCaseEmail, UserChangeForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = (
            "email",
            "password",
            "name",
            "language",
            "is_active",
            "is_superuser",
            "groups",
            "tokens_per_day",
        )
        labels: ClassVar[dict[str, str]] = {"is_superuser": "Administrator"}
        help_texts: ClassVar[dict[str, str]] = {
            "is_superuser": "May open this administration; it opens nobody's brains.",
            "groups": "Brains can be shared with groups.",
            "is_active": (
                "Instead of deleting an account, take this away; it ends all sessions and tokens. "
                "You become an owner of brains that nobody else owns."
            ),
        }


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A password set by an administrator ends what was signed in with the old one."""

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - Django's signature
        user: User = super().save(commit)
        end_sessions(user=user)
        return user


def _end_sessions(user: User) -> str:
    end_sessions(user=user)
    return "all sessions and tokens have ended; API keys stay."


class OwnersAdmin(LightDeletion):
    """Brains that nobody owns after a change become the administrator's, who is told before."""

    def leaving(self, rows: Iterable[Model]) -> Leaving:
        raise NotImplementedError

    def get_deleted_objects(
        self, objs: QuerySet[Any, Any] | Sequence[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        names, counts, missing, protected = super().get_deleted_objects(objs, request)
        leaving = self.leaving(objs)
        if _administrator(request).pk in leaving.user_ids:
            protected = [*protected, "your own account: another administrator can delete it"]
        elif "post" not in request.POST and (brains := left_behind(leaving)):
            sentence = f"Nobody else owns {_listed(brains)}. You will become the owner."
            self.message_user(request, sentence, messages.WARNING)
        return names, counts, missing, protected

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        self._remove(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any, Any]) -> None:
        self._remove(request, queryset)

    def save_related(
        self,
        request: HttpRequest,
        form: Any,  # noqa: ANN401 - Django's
        formsets: Any,  # noqa: ANN401
        change: bool,  # noqa: FBT001
    ) -> None:
        # A closed account has been saved before this; groups are left in here.
        leaving = self.leaving([form.instance])
        with handing_over(leaving, heir=_administrator(request)) as brains:
            super().save_related(request, form, formsets, change)
        self._tell(request, brains)

    def _remove(self, request: HttpRequest, rows: Iterable[Model]) -> None:
        self._tell(request, remove(self.leaving(rows), heir=_administrator(request)))

    def _tell(self, request: HttpRequest, brains: list[str]) -> None:
        if brains:
            self.message_user(
                request, f"You are now the owner of {_listed(brains)}.", messages.WARNING
            )


def _administrator(request: HttpRequest) -> User:
    return cast("User", request.user)


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:SHOWN_BRAINS])
    rest = len(names) - SHOWN_BRAINS
    return f"{shown} and {rest} more brains" if rest > 0 else f"the brains {shown}"


@admin.register(User)
class PersonAdmin(ButtonsAdmin, OwnersAdmin, UserAdmin[User]):
    form = UserForm
    add_form = NewUserForm
    change_password_form = PasswordForm
    list_display = ("email", "name", "role", "is_active", "last_login", "created_at")
    list_filter = ("is_active", "is_superuser", "groups", "language")
    search_fields = ("email", "name", "=id")
    ordering = ("email",)
    filter_horizontal = ("groups",)
    readonly_fields = ("last_login", "created_at", "buttons")
    fieldsets = (
        (None, {"fields": ("email", "password", "name", "language")}),
        ("Role", {"fields": ("is_active", "is_superuser", "groups")}),
        ("Use", {"fields": ("tokens_per_day", "created_at", "last_login", "buttons")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": (
                    "email",
                    "name",
                    "language",
                    "is_superuser",
                    "usable_password",
                    "password1",
                    "password2",
                ),
            },
        ),
    )
    actions = ("end_all_sessions",)
    object_buttons: ClassVar[dict[str, Button]] = {
        "end-sessions": Button("End all sessions and tokens", _end_sessions)
    }

    def leaving(self, rows: Iterable[Model]) -> Leaving:
        return Leaving(user_ids=frozenset(row.pk for row in rows))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401
        """Nobody locks themselves out."""
        fixed = super().get_readonly_fields(request, obj)
        return (*fixed, "is_active", "is_superuser") if obj == request.user else fixed

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: ANN401, FBT001
        super().save_model(request, obj, form, change)
        if "is_active" in form.changed_data and not obj.is_active:
            end_sessions(user=obj)

    @admin.action(description="End all sessions and tokens")
    def end_all_sessions(self, request: HttpRequest, users: QuerySet[User, User]) -> None:
        self.press_all(request, self.object_buttons["end-sessions"], users)


admin.site.unregister(Group)


class GroupMemberInline(admin.TabularInline[Any, Any]):
    model = User.groups.through
    autocomplete_fields = ("user",)
    extra = 0
    verbose_name = "member"
    verbose_name_plural = "members"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any, Any]:
        return super().get_queryset(request).select_related("user", "group")


@admin.register(Group)
class PeopleGroupAdmin(OwnersAdmin):
    fields = ("name",)
    list_display = ("name", "members_count")
    search_fields = ("name",)
    ordering = ("name",)
    inlines = (GroupMemberInline,)

    def leaving(self, rows: Iterable[Model]) -> Leaving:
        return Leaving(group_ids=frozenset(row.pk for row in rows))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any, Any]:
        counted: QuerySet[Any, Any] = (
            super().get_queryset(request).annotate(members_count=Count("user"))
        )
        return counted

    @admin.display(description="Members", ordering="members_count")
    def members_count(self, group: Group) -> int:
        return int(getattr(group, "members_count", 0))


def _revoke_key(key: ApiKey) -> str:
    revoke_api_keys(key_ids=[key.pk])
    return "the key is revoked."


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = (
        "name",
        "prefix",
        "user",
        "scopes",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__email")
    fields = (*list_display, "created_at", "tokens_per_day", "buttons")
    readonly_fields = (*list_display, "created_at", "buttons")
    actions = ("revoke",)
    object_buttons: ClassVar[dict[str, Button]] = {"revoke": Button("Revoke", _revoke_key)}

    def has_change_permission(
        self,
        request: HttpRequest,
        obj: Model | None = None,  # noqa: ARG002 - Django's
    ) -> bool:
        """Only how many tokens a day it may use."""
        return _administrator(request).is_superuser

    @admin.action(description="Revoke", permissions=["view"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey, ApiKey]) -> None:
        self.press_all(request, self.object_buttons["revoke"], keys)


def _end_chain(token: RefreshToken) -> str:
    revoke_refresh_token(token=token)
    return "its whole chain has ended."


@admin.register(RefreshToken)
class RefreshTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "created_at", "expires_at", "used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "created_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("user__email", "=family")
    ordering = ("-created_at",)
    fields = (*list_display, "family", "buttons")
    readonly_fields = ("buttons",)
    actions = ("end_chains",)
    object_buttons: ClassVar[dict[str, Button]] = {"end": Button("End this chain", _end_chain)}

    @admin.action(description="End their chains", permissions=["view"])
    def end_chains(
        self, request: HttpRequest, tokens: QuerySet[RefreshToken, RefreshToken]
    ) -> None:
        self.press_all(request, self.object_buttons["end"], tokens)


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """What administrators did here."""

    list_display = ("action_time", "user", "action_flag", "content_type", "object_repr")
    list_filter = ("action_flag", "content_type", "action_time")
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "user__email")
    date_hierarchy = "action_time"
