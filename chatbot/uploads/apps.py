from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from chatbot.brains.models import Brain


class UploadsConfig(AppConfig):
    name = "chatbot.uploads"
    label = "uploads"

    def ready(self) -> None:
        from chatbot.brains.services import empty_first  # noqa: PLC0415 - needs the models
        from chatbot.documents.services.files import keep_what  # noqa: PLC0415 - as above
        from chatbot.uploads.models import UploadPart  # noqa: PLC0415 - as above

        keep_what(UploadPart.objects.all)
        empty_first(_drop_uploads)


def _drop_uploads(brain: "Brain") -> None:
    # Not before a brain is deleted: few processes need what this imports.
    from chatbot.uploads.models import Upload  # noqa: PLC0415
    from chatbot.uploads.services.writing import drop  # noqa: PLC0415

    # Their files have no row then, and go as all such files do.
    drop(Upload.objects.filter(brain=brain))
