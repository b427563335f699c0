"""What the pages of the Django admin share."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from chatbot.contracts.errors import AppError


class Button(NamedTuple):
    """Repairs one object; `press` takes it and returns what is said then."""

    label: str
    press: Callable[[Any], str]


class ButtonsAdmin(admin.ModelAdmin[Any]):
    """Pages with buttons; `buttons` must be named in `fields` for them to be shown."""

    object_buttons: ClassVar[dict[str, Button]] = {}

    @admin.display(description="Repair")
    def buttons(self, _: Model) -> SafeString:
        return format_html_join(
            " ",
            '<button type="submit" name="_press" value="{}" class="button">{}</button>',
            ((name, button.label) for name, button in self.object_buttons.items()),
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        pressed = request.POST.get("_press")
        if pressed in self.object_buttons:
            return self._press(request, self.object_buttons[pressed], object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def press_all(self, request: HttpRequest, button: Button, rows: QuerySet[Any, Any]) -> None:
        """The same for all objects that were chosen in the list, each for itself."""
        for row in rows:
            self._try(request, button, row)

    def _press(self, request: HttpRequest, button: Button, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        self._try(request, button, row)
        return HttpResponseRedirect(request.get_full_path())

    def _try(self, request: HttpRequest, button: Button, row: Model) -> None:
        try:
            said = button.press(row)
        except AppError as error:
            self.message_user(
                request, f"{row}: {error.sentence} {error.way_out}", level=messages.ERROR
            )
        else:
            self.message_user(request, f"{row}: {said}", level=messages.SUCCESS)


class ReadOnlyAdmin(ButtonsAdmin):
    """Shows, and changes nothing but by its buttons: what processes write is theirs."""

    show_full_result_count = False
    can_delete: ClassVar[bool] = False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Model | None = None,  # noqa: ARG002
    ) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.can_delete and super().has_delete_permission(request, obj)


class LightDeletion(admin.ModelAdmin[Any]):
    """Asks before deleting without listing what goes along, which may be 100,000 rows."""

    def get_deleted_objects(
        self,
        objs: QuerySet[Any, Any] | Sequence[Any],
        request: HttpRequest,  # noqa: ARG002
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        names = [str(obj) for obj in objs]
        return names, {str(self.opts.verbose_name_plural): len(names)}, set(), []


class ReadOnlyInline(admin.TabularInline[Any, Any]):
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Model | None = None,  # noqa: ARG002
    ) -> bool:
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002
        obj: Model | None = None,  # noqa: ARG002
    ) -> bool:
        return False
