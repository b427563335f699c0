"""Conversations, questions and answers, and jobs."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.accounts.models import Scope
from chatbot.api.authentication import scopes_of
from chatbot.api.throttles import RequestThrottle
from chatbot.api.views import ApiView
from chatbot.conversations.api.jobs import find_job, job_of_turn
from chatbot.conversations.api.serializers import (
    AskedOutput,
    ConversationInput,
    ConversationOutput,
    ConversationsQuery,
    JobOutput,
    MessageOutput,
    NewConversationInput,
    NewJobInput,
    QuestionInput,
    TurnOutput,
)
from chatbot.conversations.api.throttles import QuestionThrottle
from chatbot.conversations.selectors import (
    find_conversations,
    get_conversation,
    get_turn,
    messages_of,
)
from chatbot.conversations.services import (
    ask,
    ask_job,
    change_conversation,
    continue_turn,
    create_conversation,
    delete_conversation,
    regenerate,
    request_stop,
    wait_for_answer,
)
from chatbot.inference.selectors import default_chat_model


class ChatApiView(ApiView):
    read_scopes = frozenset({Scope.CHAT})
    write_scopes = frozenset({Scope.CHAT})


class ConversationApiView(ChatApiView):
    serializer_class = ConversationOutput

    def get_serializer_context(self) -> dict[str, Any]:
        return {"default_model": default_chat_model()}


class ConversationsView(ConversationApiView):
    @extend_schema(
        operation_id="list_conversations",
        parameters=[ConversationsQuery],
        responses=ConversationOutput(many=True),
    )
    def get(self, request: Request) -> Response:
        """One's own conversations, newest first."""
        query = self.asked(ConversationsQuery)
        return self.page(find_conversations(user=user_of(request), **query), ConversationOutput)

    @extend_schema(
        operation_id="create_conversation",
        request=NewConversationInput,
        responses={201: ConversationOutput},
    )
    def post(self, request: Request) -> Response:
        """An empty conversation, about a brain or not."""
        conversation = create_conversation(
            user=user_of(request), **self.parsed(NewConversationInput)
        )
        return Response(self.get_serializer(conversation).data, status=201)


class ConversationView(ConversationApiView):
    @extend_schema(operation_id="get_conversation", responses=ConversationOutput)
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """One conversation."""
        conversation = get_conversation(user=user_of(request), conversation_id=conversation_id)
        return Response(self.get_serializer(conversation).data)

    @extend_schema(
        operation_id="change_conversation", request=ConversationInput, responses=ConversationOutput
    )
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        """Gives a conversation another title, or shows another path of it."""
        conversation = change_conversation(
            user=user_of(request),
            conversation_id=conversation_id,
            **self.parsed(ConversationInput),
        )
        return Response(self.get_serializer(conversation).data)

    @extend_schema(operation_id="delete_conversation", responses={204: None})
    def delete(self, request: Request, conversation_id: UUID) -> Response:
        """Deletes a conversation with all its messages."""
        delete_conversation(user=user_of(request), conversation_id=conversation_id)
        return Response(status=204)


class MessagesView(ChatApiView):
    throttle_classes = (RequestThrottle, QuestionThrottle)

    @extend_schema(operation_id="list_messages", responses=MessageOutput(many=True))
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """Questions and answers in order, along the path that is shown."""
        messages = messages_of(user=user_of(request), conversation_id=conversation_id)
        return self.page(messages, MessageOutput)

    @extend_schema(operation_id="ask", request=QuestionInput, responses={202: AskedOutput})
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Stores a question. Follow its answer at `/stream/turns/{turn}`, or ask for the turn."""
        asked = ask(
            user=user_of(request), conversation_id=conversation_id, **self.parsed(QuestionInput)
        )
        return Response(AskedOutput(asked).data, status=202)


class TurnView(ChatApiView):
    @extend_schema(operation_id="get_turn", responses=TurnOutput)
    def get(self, request: Request, turn_id: UUID) -> Response:
        """One question and how far its answer is."""
        return Response(TurnOutput(get_turn(user=user_of(request), turn_id=turn_id)).data)


class TurnStopView(ChatApiView):
    @extend_schema(operation_id="stop_turn", request=None, responses={202: TurnOutput})
    def post(self, request: Request, turn_id: UUID) -> Response:
        """Ends an answer; what was written is kept."""
        request_stop(user=user_of(request), turn_id=turn_id)
        turn = get_turn(user=user_of(request), turn_id=turn_id)
        return Response(TurnOutput(turn).data, status=202)


class TurnContinueView(ChatApiView):
    throttle_classes = (RequestThrottle, QuestionThrottle)

    @extend_schema(operation_id="continue_turn", request=None, responses={202: AskedOutput})
    def post(self, request: Request, turn_id: UUID) -> Response:
        """Goes on with an answer that failed, was stopped or was cut off."""
        asked = continue_turn(user=user_of(request), turn_id=turn_id)
        return Response(AskedOutput(asked).data, status=202)


class TurnRegenerateView(ChatApiView):
    throttle_classes = (RequestThrottle, QuestionThrottle)

    @extend_schema(operation_id="regenerate", request=None, responses={202: AskedOutput})
    def post(self, request: Request, turn_id: UUID) -> Response:
        """Another answer to the same question, beside those it has."""
        asked = regenerate(user=user_of(request), turn_id=turn_id)
        return Response(AskedOutput(asked).data, status=202)


class JobsView(ChatApiView):
    throttle_classes = (RequestThrottle, QuestionThrottle)

    @extend_schema(
        operation_id="begin_job", request=NewJobInput, responses={200: JobOutput, 202: JobOutput}
    )
    def post(self, request: Request) -> Response:
        """Asks, and waits for the answer if told to: `200` with it, or `202` with its job."""
        parsed = self.parsed(NewJobInput)
        seconds, _kind = parsed.pop("wait"), parsed.pop("kind")
        asked = ask_job(user=user_of(request), **parsed)
        has_ended = wait_for_answer(turn_id=asked.turn_id, seconds=seconds)
        job = job_of_turn(user=user_of(request), turn_id=asked.turn_id)
        return Response(JobOutput(job).data, status=200 if has_ended else 202)


class JobView(ApiView):
    read_scopes = frozenset({Scope.BRAINS_READ, Scope.CHAT})

    @extend_schema(operation_id="get_job", responses=JobOutput)
    def get(self, request: Request, job_id: UUID) -> Response:
        """Long work: the reading of a document, or an answer (by the id of its turn)."""
        job = find_job(user=user_of(request), job_id=job_id, scopes=scopes_of(request))
        return Response(JobOutput(job).data)
