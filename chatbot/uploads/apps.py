from django.apps import AppConfig


class UploadsConfig(AppConfig):
    name = "chatbot.uploads"
    label = "uploads"

    def ready(self) -> None:
        from chatbot.documents.services.files import keep_what  # noqa: PLC0415 - needs the models
        from chatbot.uploads.models import UploadPart  # noqa: PLC0415 - as above

        keep_what(UploadPart.objects.all)
