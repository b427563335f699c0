"""Questions about a brain: found passages become the sources of the answer."""

import pytest
from redis import Redis

from chatbot.accounts.models import User
from chatbot.brains.models import Brain
from chatbot.contracts import keys
from chatbot.conversations.models import Message
from chatbot.conversations.selectors import sources_of
from tests.chat_service.client import ChatClient
from tests.chat_service.processes import running_chat_process
from tests.child_processes import wait_until
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation
from tests.factories.inference import make_embedding_endpoint, make_endpoint
from tests.factories.retrieval import index_document
from tests.fakes.scripted_server import ScriptedServer

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = (
    "The brainstem keeps the body breathing while every other part is busy.",
    "The cerebellum coordinates movement and balance.",
    "Invoices are paid within thirty days.",
)


@pytest.fixture
def brain(person: User) -> Brain:
    """With a document of three pages."""
    brain = make_brain(owner=person, instructions="Speak like a teacher.")
    index_document(brain, *PAGES, title="Anatomy")
    return brain


class TestQuestionAboutABrain:
    def test_names_its_sources_before_the_first_token(
        self, client: ChatClient, person: User, brain: Brain
    ) -> None:
        client.ask(make_conversation(person, brain=brain).pk, "What keeps the body breathing?")
        answer = client.answer()

        assert answer.types == ["turn.started", "sources", "token", "usage", "turn.completed"]
        first = answer.sources[0]
        assert (first["ordinal"], first["title"], first["page_from"]) == (1, "Anatomy", 1)
        assert PAGES[0][first["start"] : first["end"]] == first["quote"] == PAGES[0]

    def test_gives_the_model_exactly_these_sources(
        self, client: ChatClient, person: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        asked = client.ask(make_conversation(person, brain=brain).pk, "Who pays invoices?")
        answer = client.answer()

        system, question = scripted_server.requests()[-1]["messages"]
        assert "Speak like a teacher." in system["content"]
        assert question["content"].endswith("Question: Who pays invoices?")
        assert question["content"].count("<passage ") == len(answer.sources) > 0
        assert [source["quote"] in question["content"] for source in answer.sources] == [
            True
        ] * len(answer.sources)
        stored = Message.objects.prefetch_related("citations__document").get(pk=asked["answer"])
        assert sources_of(stored) == answer.sources

    @pytest.mark.parametrize(
        ("question", "said"),
        [
            ("Who pays?", "I found nothing about this in the documents of this brain."),
            ("누가 내나요?", "이 브레인의 문서에서 관련 내용을 찾지 못했습니다."),
        ],
    )
    def test_asks_no_model_to_make_up_what_was_not_found(
        self,
        client: ChatClient,
        person: User,
        scripted_server: ScriptedServer,
        question: str,
        said: str,
    ) -> None:
        empty = make_brain(owner=person)

        asked = client.ask(make_conversation(person, brain=empty).pk, question)
        answer = client.answer()

        assert answer.types == ["turn.started", "sources", "token", "turn.completed"]
        assert (answer.sources, answer.text) == ([], said)
        assert answer.end["finish_reason"] == "nothing-found"
        assert scripted_server.requests() == []
        stored = Message.objects.get(pk=asked["answer"])
        assert (stored.text, stored.finish_reason) == (said, "nothing-found")
        assert not stored.citations.exists()

    def test_tells_the_model_that_nothing_more_was_found(
        self, client: ChatClient, person: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        conversation = make_conversation(person, brain=brain)
        client.ask(conversation.pk, "Who pays invoices?")
        client.answer()

        client.ask(conversation.pk, "Xylophones?")
        answer = client.answer()

        assert answer.sources == []
        messages = scripted_server.requests()[-1]["messages"]
        assert "nothing was found" in messages[0]["content"]
        assert messages[1]["content"] == "Who pays invoices?"

    def test_keeps_its_sources_when_it_is_continued(
        self, client: ChatClient, person: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=60, rate=100)
        asked = client.ask(make_conversation(person, brain=brain).pk, "What does it keep?")
        stopped = client.tokens(5)
        client.send(type="stop", turn=asked["turn"])
        client.answer(to=stopped)

        client.send(type="continue", turn=asked["turn"])
        client.receive()
        answer = client.answer()

        assert answer.sources == stopped.sources
        assert answer.end["type"] == "turn.completed"

    def test_leaves_out_the_citation_of_a_document_that_was_deleted_meanwhile(
        self, client: ChatClient, person: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        scripted_server.script(tokens=60, rate=100)
        asked = client.ask(make_conversation(person, brain=brain).pk, "What does it keep?")
        answer = client.tokens(5)

        brain.documents.all().delete()

        client.answer(to=answer)
        assert answer.end["type"] == "turn.completed"
        assert not Message.objects.get(pk=asked["answer"]).citations.exists()

    def test_embeds_the_question_before_ingestions_batches(
        self, person: User, brain: Brain, scripted_server: ScriptedServer, redis: Redis
    ) -> None:
        make_endpoint(base_url=scripted_server.base_url)
        make_embedding_endpoint(base_url=scripted_server.base_url)
        conversation = make_conversation(person, brain=brain)
        with running_chat_process() as chat, ChatClient(chat, person) as client:
            # A process that has just begun is slow, and does without what Redis is slow to take.
            client.ask(conversation.pk, "What is it?")
            client.answer()
            scripted_server.script(embedding_delay_ms=1500)

            client.ask(conversation.pk, "What does it keep?")
            flag = keys.embedding_interactive()
            wait_until(lambda: redis.exists(flag) == 1, seconds=10, what="flag")
            answer = client.answer()
            wait_until(lambda: redis.exists(flag) == 0, seconds=0.5, what="end of the flag")

        assert scripted_server.stats()["embedding_requests"] == 2
        assert answer.end["type"] == "turn.completed"

    def test_searches_by_words_while_nobody_embeds(
        self, person: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        make_endpoint(base_url=scripted_server.base_url)
        make_embedding_endpoint()
        with running_chat_process() as chat, ChatClient(chat, person) as client:
            client.ask(make_conversation(person, brain=brain).pk, "Who pays invoices?")
            answer = client.answer()

        assert answer.sources[0]["quote"] == PAGES[2]

    def test_does_not_say_that_nothing_is_there_while_nobody_embeds(
        self, person: User, brain: Brain, scripted_server: ScriptedServer
    ) -> None:
        make_endpoint(base_url=scripted_server.base_url)
        make_embedding_endpoint()
        with running_chat_process() as chat, ChatClient(chat, person) as client:
            client.ask(make_conversation(person, brain=brain).pk, "Xylophones?")
            answer = client.answer()

        assert (answer.end["type"], answer.end["code"]) == ("turn.failed", "search-incomplete")
        assert answer.end["way_out"]
