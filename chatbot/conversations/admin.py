"""Conversations and turns, for finding out what went wrong. Nothing here can be changed."""

from django.contrib import admin

from chatbot.admin_pages import LightDeletion, ReadOnlyAdmin, ReadOnlyInline
from chatbot.conversations.models import Conversation, DailyTokens, Message, Turn


class MessageInline(ReadOnlyInline):
    model = Message
    fields = (
        "ordinal",
        "role",
        "text",
        "model_name",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens",
        "cost",
        "ttft_ms",
        "duration_ms",
        "created_at",
    )
    readonly_fields = fields
    show_change_link = False


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin, LightDeletion):
    can_delete = True
    list_display = ("title_or_id", "user", "origin", "brain", "model", "created_at", "updated_at")
    list_filter = ("updated_at", "origin", "model")
    list_select_related = ("user", "brain", "model")
    search_fields = ("title", "user__email", "brain__name", "=id")
    fields = ("title", "user", "origin", "brain", "model", "created_at", "updated_at")
    inlines = (MessageInline,)

    @admin.display(description="Title", ordering="title")
    def title_or_id(self, conversation: Conversation) -> str:
        return str(conversation)


@admin.register(Turn)
class TurnAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "conversation",
        "user",
        "state",
        "owner",
        "attempts",
        "epoch",
        "error_code",
        "created_at",
        "started_at",
        "finished_at",
    )
    list_filter = ("state", "error_code", "created_at")
    list_select_related = ("conversation__user",)
    search_fields = ("conversation__title", "conversation__user__email", "owner", "=id")
    fields = (
        *list_display,
        "error_sentence",
        "fence",
        "seq",
        "leased_until",
        "stop_requested",
        "question",
        "answer",
    )
    readonly_fields = ("user",)

    @admin.display(description="User", ordering="conversation__user__email")
    def user(self, turn: Turn) -> str:
        return turn.conversation.user.email


@admin.register(DailyTokens)
class DailyTokensAdmin(ReadOnlyAdmin):
    """What limits of tokens a day are counted by."""

    list_display = ("day", "user", "api_key", "tokens")
    list_filter = ("day",)
    list_select_related = ("user", "api_key")
    search_fields = ("user__email", "api_key__name")
    date_hierarchy = "day"
    fields = list_display
