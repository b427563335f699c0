"""What conversations, messages, turns and jobs look like in JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chatbot.contracts.events import Source
from chatbot.conversations.models import Conversation, Message, MessageRole, Turn, TurnState
from chatbot.conversations.selectors import sources_of
from chatbot.conversations.services.asking_jobs import MAX_WAIT_SECONDS
from chatbot.conversations.services.turns import Asked
from chatbot.documents.models import DocumentVersion, VersionState


def cost_field(**options: Any) -> serializers.DecimalField:  # noqa: ANN401 - DRF's own
    return serializers.DecimalField(
        max_digits=18,
        decimal_places=9,
        allow_null=True,
        help_text="By the model's prices when the answer ended; null: it had none.",
        **options,
    )


class ConversationsQuery(serializers.Serializer[Any]):
    search = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Part of the title."
    )


class NewConversationInput(serializers.Serializer[Any]):
    brain = serializers.UUIDField(source="brain_id", required=False, allow_null=True)
    model = serializers.UUIDField(
        source="model_id",
        required=False,
        allow_null=True,
        help_text="Null: the brain's model, or the default.",
    )
    title = serializers.CharField(max_length=200, required=False, allow_blank=True)


class ConversationInput(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=200, required=False)
    leaf = serializers.UUIDField(
        source="leaf_id",
        required=False,
        help_text="Any message: the path through it to the newest message behind it is shown.",
    )


class ConversationBrainOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ConversationModelOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    notes = serializers.CharField(help_text="For people: languages, limits.")


class ConversationOutput(serializers.Serializer[Conversation]):
    """Needs `default_model` in its context: what answers where nothing else was chosen."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    leaf = serializers.UUIDField(
        source="leaf_id", allow_null=True, help_text="The last message of the path that is shown."
    )
    brain = ConversationBrainOutput(allow_null=True)
    model = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(ConversationModelOutput(allow_null=True))
    def get_model(self, conversation: Conversation) -> dict[str, Any] | None:
        brain = conversation.brain
        model = conversation.model or (brain and brain.model) or self.context["default_model"]
        return ConversationModelOutput(model).data if model else None


class QuestionInput(serializers.Serializer[Any]):
    text = serializers.CharField()
    client_id = serializers.CharField(
        max_length=64,
        required=False,
        allow_null=True,
        help_text="Made by the client: sending the same question twice asks once.",
    )
    parent = serializers.UUIDField(  # type: ignore[assignment] # DRF takes fields off the class
        source="parent_id",
        required=False,
        allow_null=True,
        help_text="The answer that the question stands behind; null: it begins the conversation. "
        "Without it: behind what is shown.",
    )


class AskedOutput(serializers.Serializer[Asked]):
    turn = serializers.UUIDField(source="turn_id")
    question = serializers.UUIDField(source="question_id", help_text="Id of a message.")
    answer = serializers.UUIDField(source="answer_id", help_text="Id of a message.")
    conversation = serializers.UUIDField(source="conversation_id")


class ProblemOutput(serializers.Serializer[Any]):
    """Why something ended; `None` where it did not fail."""

    code = serializers.CharField(source="error_code")
    sentence = serializers.CharField(source="error_sentence")

    def to_representation(self, instance: Turn | DocumentVersion) -> Any:  # noqa: ANN401
        return super().to_representation(instance) if instance.error_code else None


class TurnErrorOutput(ProblemOutput):
    way_out = serializers.CharField(source="error_way_out")


class MessageTurnOutput(serializers.Serializer[Turn]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=TurnState.choices)
    epoch = serializers.IntegerField()
    seq = serializers.IntegerField(help_text="Of the last event that is stored.")
    error = TurnErrorOutput(source="*", allow_null=True)


class SourceOutput(serializers.Serializer[Any]):
    """A passage that was given to the model."""

    ordinal = serializers.IntegerField(help_text="The `n` of `[n]` in the answer.")
    document = serializers.UUIDField()
    version = serializers.UUIDField()
    title = serializers.CharField()
    page_from = serializers.IntegerField()
    page_to = serializers.IntegerField()
    start = serializers.IntegerField(help_text="In the text of `page_from`, in characters.")
    end = serializers.IntegerField()
    quote = serializers.CharField()


class MessageOutput(serializers.Serializer[Message]):
    id = serializers.UUIDField()
    parent = serializers.UUIDField(  # type: ignore[assignment] # DRF takes fields off the class
        source="parent_id", allow_null=True
    )
    siblings = serializers.ListField(
        child=serializers.UUIDField(),
        help_text="Messages in the same place, in order, and this one: versions of a question, or "
        "answers to the same one.",
    )
    ordinal = serializers.IntegerField()
    role = serializers.ChoiceField(choices=MessageRole.choices)
    text = serializers.CharField()
    created_at = serializers.DateTimeField()
    model_name = serializers.CharField()
    finish_reason = serializers.CharField()
    prompt_tokens = serializers.IntegerField(allow_null=True)
    completion_tokens = serializers.IntegerField(allow_null=True)
    cost = cost_field()
    ttft_ms = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    turn = serializers.SerializerMethodField(help_text="Null for questions.")
    citations = serializers.SerializerMethodField()

    @extend_schema_field(MessageTurnOutput(allow_null=True))
    def get_turn(self, message: Message) -> dict[str, Any] | None:
        turn: Turn | None = getattr(message, "turn", None)
        return MessageTurnOutput(turn).data if turn else None

    @extend_schema_field(SourceOutput(many=True))
    def get_citations(self, message: Message) -> list[Source]:
        return sources_of(message)


class TurnOutput(serializers.Serializer[Turn]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=TurnState.choices)
    conversation = serializers.UUIDField(source="conversation_id")
    question = serializers.UUIDField(source="question_id")
    answer = serializers.UUIDField(source="answer_id")
    text = serializers.CharField(source="answer.text", help_text="Of the answer, so far.")
    error = TurnErrorOutput(source="*", allow_null=True)
    citations = serializers.SerializerMethodField()
    epoch = serializers.IntegerField()
    seq = serializers.IntegerField()
    model_name = serializers.CharField(source="answer.model_name")
    finish_reason = serializers.CharField(source="answer.finish_reason")
    prompt_tokens = serializers.IntegerField(source="answer.prompt_tokens", allow_null=True)
    completion_tokens = serializers.IntegerField(source="answer.completion_tokens", allow_null=True)
    cost = cost_field(source="answer.cost")
    ttft_ms = serializers.IntegerField(source="answer.ttft_ms", allow_null=True)
    duration_ms = serializers.IntegerField(source="answer.duration_ms", allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(SourceOutput(many=True))
    def get_citations(self, turn: Turn) -> list[Source]:
        return sources_of(turn.answer)


class JobProgressOutput(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True, help_text="Null: not known yet.")


class UsageOutput(serializers.Serializer[Any]):
    """As the model server counted; null: not yet, or it didn't."""

    prompt_tokens = serializers.IntegerField(allow_null=True)
    completion_tokens = serializers.IntegerField(allow_null=True)
    cost = cost_field()


class JobResultOutput(serializers.Serializer[Any]):
    """Of an ingestion there is the address only. The text of an answer is what there is so far."""

    url = serializers.CharField(help_text="Where the outcome is.")
    conversation = serializers.UUIDField(required=False)
    text = serializers.CharField(required=False)
    citations = SourceOutput(many=True, required=False)
    model_name = serializers.CharField(required=False)
    finish_reason = serializers.CharField(required=False)
    usage = UsageOutput(required=False)


class NewJobInput(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["chat"])
    text = serializers.CharField()
    conversation = serializers.UUIDField(
        source="conversation_id", required=False, help_text="Without it: a new one."
    )
    brain = serializers.UUIDField(source="brain_id", required=False, allow_null=True)
    model = serializers.UUIDField(source="model_id", required=False, allow_null=True)
    client_id = serializers.CharField(
        max_length=64, required=False, help_text="As in `ask`, in the same conversation."
    )
    wait = serializers.FloatField(
        min_value=0,
        max_value=MAX_WAIT_SECONDS,
        default=0,
        help_text="Seconds to wait for the answer before it is only promised.",
    )


class JobOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    jobId = serializers.UUIDField(source="id", help_text="The same.")  # noqa: N815 - asked for so
    kind = serializers.ChoiceField(choices=["ingestion", "chat"])
    state = serializers.ChoiceField(
        choices=[*VersionState.choices, *TurnState.choices],
        help_text="Of ingestion, or of a turn.",
    )
    progress = JobProgressOutput()
    error = ProblemOutput(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    result = JobResultOutput()
