from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from chatbot.brains.models import Brain


class DocumentsConfig(AppConfig):
    name = "chatbot.documents"
    label = "documents"

    def ready(self) -> None:
        from chatbot.brains.services import empty_first  # noqa: PLC0415 - needs the models

        empty_first(_remove_documents)


def _remove_documents(brain: "Brain") -> None:
    # Not before a brain is deleted: few processes need what this imports.
    from chatbot.documents.services.repairs import remove_documents  # noqa: PLC0415

    remove_documents(brain)
