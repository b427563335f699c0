"""Making, renaming and deleting conversations."""

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from chatbot.brains.selectors import get_brain
from chatbot.contracts.errors import InvalidInput
from chatbot.conversations.models import Conversation
from chatbot.conversations.selectors import end_of_path, get_conversation
from chatbot.inference.models import InferenceModel, ModelKind

if TYPE_CHECKING:
    from chatbot.accounts.models import User

TITLE_LENGTH = 200


@transaction.atomic
def create_conversation(
    *,
    user: "User",
    brain_id: UUID | None = None,
    model_id: UUID | None = None,
    title: str = "",
) -> Conversation:
    """An empty conversation, about a brain or not.

    Without a title the first question's beginning becomes it.

    Raises:
        NotFound: the brain doesn't exist, or the user is no member.
        InvalidInput: the model is no chat model, or the title is too long.
    """
    brain = get_brain(user=user, brain_id=brain_id) if brain_id else None
    model = _chat_model(model_id) if model_id else None
    return Conversation.objects.create(user=user, brain=brain, model=model, title=_checked(title))


@transaction.atomic
def change_conversation(
    *,
    user: "User",
    conversation_id: UUID,
    title: str | None = None,
    leaf_id: UUID | None = None,
) -> Conversation:
    """Gives the conversation another title, or shows another path; None: that stays.

    `leaf_id` is any of its messages: shown is the path through it to the newest message behind it.

    Raises:
        NotFound: it doesn't exist, or is somebody else's; or the message isn't in it.
        InvalidInput: the title is empty or too long.
    """
    conversation = get_conversation(user=user, conversation_id=conversation_id)
    if title is not None:
        conversation.title = _checked(title)
        if not conversation.title:
            raise InvalidInput("A title needs a letter.", fields={"title": ["May not be empty."]})
        conversation.save(update_fields=["title", "updated_at"])
    if leaf_id is not None:
        conversation.leaf_id = end_of_path(conversation=conversation, message_id=leaf_id)
        conversation.save(update_fields=["leaf"])
    return conversation


def name_conversation(*, conversation_id: UUID, title: str, instead_of: str) -> bool:
    """Gives the conversation a title that nobody chose; false: it has another by now, or is gone.

    Its place in the list stays.
    """
    named = Conversation.objects.filter(pk=conversation_id, title=instead_of)
    return bool(named.update(title=title[:TITLE_LENGTH]))


@transaction.atomic
def delete_conversation(*, user: "User", conversation_id: UUID) -> None:
    """Deletes the conversation with all messages. An answer that is being written ends.

    Raises:
        NotFound: it doesn't exist, or is somebody else's.
    """
    get_conversation(user=user, conversation_id=conversation_id).delete()


def _chat_model(model_id: UUID) -> InferenceModel:
    model = InferenceModel.objects.filter(pk=model_id, kind=ModelKind.CHAT).first()
    if model is None:
        raise InvalidInput(
            "There is no such chat model.",
            way_out="Choose one of the models in the list.",
            fields={"model": ["No such chat model."]},
        )
    return model


def _checked(title: str) -> str:
    title = " ".join(title.split())
    if len(title) > TITLE_LENGTH:
        raise InvalidInput(
            f"A title has at most {TITLE_LENGTH} characters.",
            fields={"title": [f"At most {TITLE_LENGTH} characters."]},
        )
    return title
