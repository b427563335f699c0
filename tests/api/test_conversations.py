import time
import uuid
from decimal import Decimal

import pytest
from django.test import Client
from pytest_django import Settings

from chatbot.accounts.models import Scope, User
from chatbot.brains.models import Brain
from chatbot.conversations.models import Citation, Message, Turn, TurnState
from chatbot.documents.models import VersionState
from chatbot.inference.models import InferenceModel
from tests.api.problems import check_is_problem
from tests.factories.accounts import make_api_key, make_user
from tests.factories.brains import make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.documents import make_document, version_of

pytestmark = pytest.mark.django_db
JSON = "application/json"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def cite(turn: Turn, brain: Brain) -> Citation:
    document = make_document(brain, title="Nerves")
    return Citation.objects.create(
        message=turn.answer,
        ordinal=1,
        document=document,
        version=version_of(document),
        page_from=3,
        page_to=4,
        start=10,
        end=20,
        quote="The nerve",
    )


class TestConversation:
    def test_names_the_model_that_will_answer(self) -> None:
        default = InferenceModel.objects.create(name="small", notes="English.", is_default=True)
        other = InferenceModel.objects.create(name="large")
        user = make_user()
        brain = make_brain(owner=user, name="Anatomy")
        Brain.objects.update(model=other)
        client = client_of(user)

        plain = client.post("/api/v1/conversations", {}, content_type=JSON).json()
        about = client.post(
            "/api/v1/conversations", {"brain": str(brain.pk)}, content_type=JSON
        ).json()
        chosen = client.post(
            "/api/v1/conversations",
            {"brain": str(brain.pk), "model": str(default.pk), "title": "나"},
            content_type=JSON,
        ).json()

        assert plain["model"] == {"id": str(default.pk), "name": "small", "notes": "English."}
        assert (plain["brain"], about["brain"]) == (None, {"id": str(brain.pk), "name": "Anatomy"})
        assert about["model"]["name"] == "large"
        assert (chosen["model"]["name"], chosen["title"]) == ("small", "나")

    def test_has_no_model_where_there_is_none(self) -> None:
        response = client_of(make_user()).post("/api/v1/conversations", {}, content_type=JSON)

        assert response.json()["model"] is None

    def test_is_about_ones_own_brains_only(self) -> None:
        brain = make_brain(owner=make_user())

        response = client_of(make_user()).post(
            "/api/v1/conversations", {"brain": str(brain.pk)}, content_type=JSON
        )

        check_is_problem(response, 404, "not-found")


class TestMessages:
    def test_show_question_answer_turn_and_citations(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        turn = make_turn(
            make_conversation(user, brain=brain), answer="A nerve [1].", state=TurnState.FAILED
        )
        Turn.objects.update(error_code="inference-gone", error_sentence="Gone.", seq=7)
        citation = cite(turn, brain)

        question, answer = (
            client_of(user)
            .get(f"/api/v1/conversations/{turn.conversation_id}/messages")
            .json()["results"]
        )

        assert (question["role"], question["turn"], question["citations"]) == ("user", None, [])
        assert answer["text"] == "A nerve [1]."
        assert answer["turn"] == {
            "id": str(turn.pk),
            "state": "failed",
            "epoch": 0,
            "seq": 7,
            "error": {"code": "inference-gone", "sentence": "Gone.", "way_out": ""},
        }
        assert answer["citations"] == [
            {
                "ordinal": 1,
                "document": str(citation.document_id),
                "version": str(citation.version_id),
                "title": "Nerves",
                "page_from": 3,
                "page_to": 4,
                "start": 10,
                "end": 20,
                "quote": "The nerve",
            }
        ]

    def test_take_a_question_and_give_its_turn(self) -> None:
        user = make_user()
        conversation = make_conversation(user)
        client = client_of(user)
        address = f"/api/v1/conversations/{conversation.pk}/messages"

        response = client.post(address, {"text": "왜?", "client_id": "1"}, content_type=JSON)

        asked = response.json()
        assert response.status_code == 202
        assert set(asked) == {"turn", "question", "answer", "conversation"}
        turn = client.get(f"/api/v1/turns/{asked['turn']}").json()
        assert (turn["state"], turn["text"], turn["error"]) == ("queued", "", None)
        assert (turn["question"], turn["answer"]) == (asked["question"], asked["answer"])

    def test_take_the_same_question_once(self) -> None:
        user = make_user()
        conversation = make_conversation(user)
        client = client_of(user)
        address = f"/api/v1/conversations/{conversation.pk}/messages"
        body = {"text": "Why?", "client_id": "1"}

        first, second = (client.post(address, body, content_type=JSON).json() for _ in range(2))

        assert first == second

    def test_are_limited(self, settings: Settings) -> None:
        settings.QUESTION_LIMIT_PER_MINUTE = 1
        user = make_user()
        client = client_of(user)
        address = f"/api/v1/conversations/{make_conversation(user).pk}/messages"
        client.post(address, {"text": "Why?"}, content_type=JSON)

        response = client.post(address, {"text": "Why?"}, content_type=JSON)

        check_is_problem(response, 429, "too-many-questions")
        assert client.get(address).status_code == 200


class TestTurn:
    def test_is_stopped_before_it_began(self) -> None:
        user = make_user()
        turn = make_turn(make_conversation(user))

        response = client_of(user).post(f"/api/v1/turns/{turn.pk}/stop")

        assert (response.status_code, response.json()["state"]) == (202, "stopped")

    def test_goes_on_after_it_was_stopped(self) -> None:
        user = make_user()
        turn = make_turn(make_conversation(user), answer="Half", state=TurnState.STOPPED)
        client = client_of(user)

        response = client.post(f"/api/v1/turns/{turn.pk}/continue")

        assert response.json()["turn"] == str(turn.pk)
        shown = client.get(f"/api/v1/turns/{turn.pk}").json()
        assert (shown["state"], shown["text"]) == ("queued", "Half")


class TestJob:
    def test_is_an_ingestion(self) -> None:
        user = make_user()
        document = make_document(
            make_brain(owner=user), state=VersionState.READY, pages=["one", "two"]
        )

        job = client_of(user).get(f"/api/v1/jobs/{document.current_version_id}").json()

        assert (job["kind"], job["state"], job["error"]) == ("ingestion", "ready", None)
        assert job["progress"] == {"done": 2, "total": 2}
        assert job["result"] == {"url": f"/api/v1/documents/{document.pk}"}
        assert job["finished_at"]

    def test_is_an_answer(self) -> None:
        user = make_user()
        turn = make_turn(make_conversation(user), state=TurnState.FAILED)
        Turn.objects.update(error_code="inference-gone", error_sentence="Gone.")

        job = client_of(user).get(f"/api/v1/jobs/{turn.pk}").json()

        assert (job["kind"], job["state"]) == ("chat", "failed")
        assert job["error"] == {"code": "inference-gone", "sentence": "Gone."}
        assert job["progress"] == {"done": 1, "total": 1}
        assert job["jobId"] == job["id"] == str(turn.pk)
        assert job["result"] == {
            "url": f"/api/v1/turns/{turn.pk}",
            "conversation": str(turn.conversation_id),
            "text": "",
            "citations": [],
            "model_name": "",
            "finish_reason": "",
            "usage": {"prompt_tokens": None, "completion_tokens": None, "cost": None},
        }

    def test_shows_an_answer_with_all_that_is_known_of_it(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        turn = make_turn(make_conversation(user), answer="A nerve [1].", state=TurnState.COMPLETED)
        cite(turn, brain)
        Message.objects.filter(pk=turn.answer_id).update(
            prompt_tokens=10, completion_tokens=4, cost=Decimal("0.000123")
        )

        result = client_of(user).get(f"/api/v1/jobs/{turn.pk}").json()["result"]

        assert result["text"] == "A nerve [1]."
        assert [one["title"] for one in result["citations"]] == ["Nerves"]
        assert result["usage"] == {
            "prompt_tokens": 10,
            "completion_tokens": 4,
            "cost": "0.000123000",
        }

    def test_is_not_found_where_there_is_none(self) -> None:
        response = client_of(make_user()).get(f"/api/v1/jobs/{uuid.uuid4()}")

        check_is_problem(response, 404, "not-found")

    @pytest.mark.parametrize(
        ("scope", "statuses"), [(Scope.CHAT, [404, 200]), (Scope.BRAINS_READ, [200, 404])]
    )
    def test_is_shown_to_a_key_by_its_kind(self, scope: Scope, statuses: list[int]) -> None:
        user = make_user()
        document = make_document(make_brain(owner=user))
        turn = make_turn(make_conversation(user))
        _, secret = make_api_key(user, scope)
        client = Client(headers={"Authorization": f"Bearer {secret}"})

        found = [
            client.get(f"/api/v1/jobs/{job}").status_code
            for job in (document.current_version_id, turn.pk)
        ]

        assert found == statuses


class TestNewJob:
    def test_begins_a_conversation_about_a_brain(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        client = client_of(user)

        response = client.post(
            "/api/v1/jobs",
            {"kind": "chat", "text": "Why?", "brain": str(brain.pk)},
            content_type=JSON,
        )

        job = response.json()
        assert (response.status_code, job["kind"], job["state"]) == (202, "chat", "queued")
        turn = Turn.objects.select_related("question", "conversation").get(pk=job["jobId"])
        assert (turn.question.text, turn.conversation.brain) == ("Why?", brain)

    def test_goes_on_in_a_conversation(self) -> None:
        user = make_user()
        conversation = make_turn(make_conversation(user), answer="1.").conversation
        body = {"kind": "chat", "text": "Why?", "conversation": str(conversation.pk)}

        job = client_of(user).post("/api/v1/jobs", body, content_type=JSON).json()

        assert job["result"]["conversation"] == str(conversation.pk)
        assert Message.objects.get(text="Why?").parent_id == conversation.leaf_id

    def test_does_not_change_the_brain_of_a_conversation(self) -> None:
        user = make_user()
        body = {
            "kind": "chat",
            "text": "Why?",
            "conversation": str(make_conversation(user).pk),
            "brain": str(make_brain(owner=user).pk),
        }

        response = client_of(user).post("/api/v1/jobs", body, content_type=JSON)

        check_is_problem(response, 400, "invalid-input")

    @pytest.mark.parametrize("wait", [-1, 61, "long"])
    def test_waits_a_minute_at_most(self, wait: object) -> None:
        response = client_of(make_user()).post(
            "/api/v1/jobs", {"kind": "chat", "text": "Why?", "wait": wait}, content_type=JSON
        )

        check_is_problem(response, 400, "invalid-input")

    def test_gives_up_waiting_after_the_time(self) -> None:
        begun = time.monotonic()

        response = client_of(make_user()).post(
            "/api/v1/jobs", {"kind": "chat", "text": "Why?", "wait": 0.3}, content_type=JSON
        )

        assert response.status_code == 202
        assert 0.3 <= time.monotonic() - begun < 5

    def test_is_counted_as_a_question(self, settings: Settings) -> None:
        settings.QUESTION_LIMIT_PER_MINUTE = 1
        client = client_of(make_user())
        body = {"kind": "chat", "text": "Why?"}
        client.post("/api/v1/jobs", body, content_type=JSON)

        response = client.post("/api/v1/jobs", body, content_type=JSON)

        check_is_problem(response, 429, "too-many-questions")


class TestDocument:
    def test_that_failed_says_why_and_is_queued_again(self) -> None:
        user = make_user()
        document = make_document(make_brain(owner=user), state=VersionState.FAILED)
        version = version_of(document)
        version.error_code, version.error_sentence = "file-broken", "The file is damaged."
        version.save()
        client = client_of(user)

        shown = client.get(f"/api/v1/documents/{document.pk}").json()
        again = client.post(f"/api/v1/documents/{document.pk}/retry").json()

        assert shown["error"] == {"code": "file-broken", "sentence": "The file is damaged."}
        assert (again["state"], again["error"]) == ("received", None)

    def test_that_runs_is_not_queued_again(self) -> None:
        user = make_user()
        document = make_document(make_brain(owner=user))

        response = client_of(user).post(f"/api/v1/documents/{document.pk}/retry")

        check_is_problem(response, 409, "document-not-stopped")

    def test_has_pages_with_text_and_boxes(self) -> None:
        user = make_user()
        document = make_document(
            make_brain(owner=user), state=VersionState.READY, pages=["First.", "Second."]
        )
        client = client_of(user)

        pages = client.get(f"/api/v1/documents/{document.pk}/pages").json()["results"]
        page = client.get(f"/api/v1/documents/{document.pk}/pages/2").json()

        assert [page["number"] for page in pages] == [1, 2]
        assert set(pages[0]) == {"number", "label", "source", "confidence", "is_indexed"}
        assert pages[0]["is_indexed"]
        assert (page["text"], page["boxes"], page["source"]) == ("Second.", [], "text-layer")
        assert set(page) == {*pages[0], "text", "boxes", "width", "height"}

    @pytest.mark.parametrize("number", [0, 3, 99_999_999_999_999_999_999])
    def test_has_no_other_pages(self, number: int) -> None:
        user = make_user()
        document = make_document(make_brain(owner=user), pages=["First."])

        response = client_of(user).get(f"/api/v1/documents/{document.pk}/pages/{number}")

        check_is_problem(response, 404, "not-found")
