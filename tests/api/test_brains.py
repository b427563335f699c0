from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from chatbot.accounts.models import User
from chatbot.brains.models import Brain, BrainRole
from chatbot.documents.models import Document, StoredFile
from chatbot.inference.models import InferenceEndpoint, InferenceModel
from tests.api.problems import check_is_problem
from tests.factories.accounts import make_group, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.conversations import make_conversation
from tests.factories.documents import make_document, store_content

pytestmark = pytest.mark.django_db
JSON = "application/json"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def members_of(brain: Brain, user: User) -> list[dict[str, Any]]:
    members: list[dict[str, Any]] = (
        client_of(user).get(f"/api/v1/brains/{brain.pk}/members").json()["results"]
    )
    return members


class TestBrain:
    def test_is_shown_with_ones_role_and_its_counts(self) -> None:
        user = make_user()
        made = client_of(user).post(
            "/api/v1/brains",
            {"name": "Anatomy", "description": "Bones", "instructions": "Be brief."},
            content_type=JSON,
        )

        brain = made.json()

        assert set(brain) == {
            "id",
            "name",
            "description",
            "instructions",
            "model",
            "rewrites_questions",
            "role",
            "created_at",
            "updated_at",
            "documents_count",
            "members_count",
        }
        assert (brain["role"], brain["model"]) == ("owner", None)
        assert brain["rewrites_questions"] is False
        assert (brain["documents_count"], brain["members_count"]) == (0, 1)

    def test_takes_a_model_and_gives_it_back(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        model = InferenceModel.objects.create(name="small")
        client, address = client_of(user), f"/api/v1/brains/{brain.pk}"

        chosen = client.patch(address, {"model": str(model.pk)}, content_type=JSON).json()
        default = client.patch(address, {"model": None}, content_type=JSON).json()

        assert (chosen["model"], default["model"]) == (str(model.pk), None)
        assert chosen["name"] == brain.name

    def test_says_whether_follow_up_questions_are_rewritten(self) -> None:
        user = make_user()
        client = client_of(user)
        made = client.post(
            "/api/v1/brains", {"name": "Anatomy", "rewrites_questions": True}, content_type=JSON
        ).json()
        address = f"/api/v1/brains/{made['id']}"

        renamed = client.patch(address, {"name": "Bones"}, content_type=JSON).json()
        changed = client.patch(address, {"rewrites_questions": False}, content_type=JSON).json()

        assert [one["rewrites_questions"] for one in (made, renamed, changed)] == [
            True,
            True,
            False,
        ]

    def test_needs_a_name(self) -> None:
        response = client_of(make_user()).post("/api/v1/brains", {"name": "  "}, content_type=JSON)

        check_is_problem(response, 400, "invalid-input")
        assert "name" in response.json()["fields"]

    def test_goes_with_documents_and_files(
        self, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        document = make_document(brain, pages=["Some text."])
        store_content(document, b"Some text.")

        with django_capture_on_commit_callbacks(execute=True):
            response = client_of(user).delete(f"/api/v1/brains/{brain.pk}")

        assert response.status_code == 204
        assert not Document.objects.exists()
        assert not StoredFile.objects.exists()

    def test_leaves_its_conversations_behind(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        conversation = make_conversation(user, brain=brain)
        client = client_of(user)

        client.delete(f"/api/v1/brains/{brain.pk}")

        shown = client.get(f"/api/v1/conversations/{conversation.pk}").json()
        assert shown["brain"] is None


class TestMembers:
    def test_are_people_and_groups_with_their_roles(self) -> None:
        owner = make_user(name="Kim")
        brain = make_brain(owner=owner)
        group = make_group()
        add_member(brain, group, BrainRole.VIEWER)

        person, people = members_of(brain, owner)

        assert person["user"] == {"id": str(owner.pk), "email": owner.email, "name": "Kim"}
        assert (person["group"], person["role"]) == (None, "owner")
        assert people["group"] == {"id": group.pk, "name": group.name}
        assert (people["user"], people["role"]) == (None, "viewer")

    def test_are_added_by_group(self) -> None:
        owner = make_user()
        group = make_group(owner)
        brain = make_brain(owner=owner)

        response = client_of(owner).post(
            f"/api/v1/brains/{brain.pk}/members",
            {"group": group.pk, "role": "editor"},
            content_type=JSON,
        )

        assert response.status_code == 201
        assert response.json()["group"]["id"] == group.pk

    def test_get_in_through_a_group(self) -> None:
        user = make_user()
        brain = make_brain(owner=make_user())
        add_member(brain, make_group(user), BrainRole.EDITOR)

        assert client_of(user).get(f"/api/v1/brains/{brain.pk}").json()["role"] == "editor"

    @pytest.mark.parametrize("role", ["admin", 3, "", None])
    def test_have_no_other_roles(self, role: object) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)

        response = client_of(owner).post(
            f"/api/v1/brains/{brain.pk}/members",
            {"email": make_user().email, "role": role},
            content_type=JSON,
        )

        assert "role" in response.json()["fields"]

    def test_keep_the_last_owner(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)
        member = members_of(brain, owner)[0]

        response = client_of(owner).delete(f"/api/v1/brains/{brain.pk}/members/{member['id']}")

        check_is_problem(response, 409, "last-owner")


class TestModels:
    def test_say_which_is_the_default_and_which_are_served(self) -> None:
        served = InferenceModel.objects.create(name="served", notes="English only.")
        InferenceModel.objects.create(name="alone", is_default=True)
        InferenceEndpoint.objects.create(
            model=served, base_url="http://127.0.0.1:1/v1", upstream_model="x"
        )

        alone, shown = client_of(make_user()).get("/api/v1/models").json()["results"]

        assert (shown["name"], shown["is_available"], shown["is_default"]) == (
            "served",
            True,
            True,
        )
        assert (alone["is_available"], alone["is_default"]) == (False, False)
        assert (shown["kind"], shown["notes"]) == ("chat", "English only.")
        assert shown["prompt_tokens"] < shown["context_tokens"]
