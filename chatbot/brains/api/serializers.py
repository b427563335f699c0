"""What brains and members look like in JSON."""

from typing import Any

from rest_framework import serializers

from chatbot.brains.models import Brain, BrainMembership, BrainRole


class RoleField(serializers.ChoiceField):
    """A role by its lower-case name."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - passed on
        super().__init__(choices=[role.name.lower() for role in BrainRole], **options)

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF knows only strings here
        return BrainRole[super().to_internal_value(data).upper()]

    def to_representation(self, value: Any) -> str:  # noqa: ANN401
        name: str = BrainRole(value).name
        return name.lower()


class BrainsQuery(serializers.Serializer[Any]):
    search = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Part of the name."
    )


class BrainInput(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    instructions = serializers.CharField(
        max_length=4000,
        allow_blank=True,
        required=False,
        help_text="Told to the model before every question.",
    )
    model = serializers.UUIDField(
        source="model_id",
        required=False,
        allow_null=True,
        help_text="Id of a chat model; null: the default model.",
    )
    rewrites_questions = serializers.BooleanField(
        required=False,
        help_text="Whether the model puts follow-up questions into words that stand alone before "
        "the search: one more short request, and up to three seconds more to the first word.",
    )


class BrainOutput(serializers.Serializer[Brain]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField()
    instructions = serializers.CharField()
    model = serializers.UUIDField(source="model_id", allow_null=True)
    rewrites_questions = serializers.BooleanField()
    role = RoleField(help_text="One's own role.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    documents_count = serializers.IntegerField()
    members_count = serializers.IntegerField(help_text="People and groups.")


class MemberInput(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254, required=False, help_text="Of a person.")
    group = serializers.IntegerField(source="group_id", required=False, help_text="Or a group.")
    role = RoleField()


class MemberRoleInput(serializers.Serializer[Any]):
    role = RoleField()


class MemberUserOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()


class MemberGroupOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class MemberOutput(serializers.Serializer[BrainMembership]):
    id = serializers.UUIDField()
    user = MemberUserOutput(allow_null=True)
    group = MemberGroupOutput(allow_null=True)
    role = RoleField()
