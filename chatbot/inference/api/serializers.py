"""What models look like in JSON."""

from rest_framework import serializers

from chatbot.inference.models import InferenceModel, ModelKind


class ModelOutput(serializers.Serializer[InferenceModel]):
    """Needs `default_model` in its context, and the ids of models that are `away`."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=ModelKind.choices)
    notes = serializers.CharField(help_text="For people: languages, limits.")
    context_tokens = serializers.IntegerField(help_text="Prompt and answer together.")
    prompt_tokens = serializers.IntegerField(help_text="What a prompt holds at most.")
    output_tokens = serializers.IntegerField(help_text="What an answer holds at most.")
    price_prompt = serializers.DecimalField(
        12, 6, normalize_output=True, help_text="Per million tokens of prompts; 0: costs nothing."
    )
    price_completion = serializers.DecimalField(
        12, 6, normalize_output=True, help_text="Per million tokens of answers."
    )
    is_default = serializers.SerializerMethodField(
        help_text="Answers where nothing else was chosen."
    )
    is_available = serializers.SerializerMethodField(
        help_text="An endpoint serves it, and answered when it was checked last."
    )

    def get_is_default(self, model: InferenceModel) -> bool:
        return bool(model == self.context["default_model"])

    def get_is_available(self, model: InferenceModel) -> bool:
        return getattr(model, "is_available", False) and model.pk not in self.context["away"]
