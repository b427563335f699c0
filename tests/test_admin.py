"""The Django admin: every page opens for an administrator, none for anybody else."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chatbot.accounts.models import ApiKey, RefreshToken, User
from chatbot.accounts.services.sign_in import TRIES_PER_ACCOUNT_AND_ADDRESS
from chatbot.accounts.services.tokens import issue_tokens, refresh_tokens
from chatbot.brains.models import Brain, BrainRole
from chatbot.contracts.errors import NotAuthenticated
from chatbot.contracts.tasks import Queue
from chatbot.conversations.models import Conversation, DailyTokens, TurnState
from chatbot.documents.models import Document, IngestionJob, VersionState, Worker
from chatbot.documents.services import ingestion
from chatbot.retrieval.models import IndexGeneration
from chatbot.webhooks.models import Delivery, Webhook, WebhookEvent
from chatbot.webhooks.services.recording import record_event
from tests.elsewhere import PATIENCE_SECONDS, begin_elsewhere, wait_for_lock
from tests.factories.accounts import PASSWORD, make_api_key, make_group, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.conversations import make_conversation, make_turn
from tests.factories.documents import claim, make_document, make_job, version_of
from tests.factories.inference import make_endpoint
from tests.factories.uploads import begin_upload, make_batch
from tests.factories.webhooks import make_delivery, make_webhook

pytestmark = pytest.mark.django_db
MODELS: list[type[Model]] = sorted(admin.site._registry, key=lambda model: model.__name__)
EDITED = {"User", "Group", "Brain", "InferenceEndpoint", "InferenceModel"}
"""Of everything else an administrator makes nothing."""
SAVED = dict.fromkeys(EDITED, 200) | {"ApiKey": 302}
"""What an empty form gives: of a key nothing has to be filled in."""


def by_name(model: type[Model]) -> str:
    return model.__name__


def populate() -> None:
    """Some rows of everything that the admin shows."""
    person = make_user()
    group = make_group(person)
    brain = make_brain(owner=person)
    add_member(brain, group, BrainRole.VIEWER)
    make_api_key(person)
    issue_tokens(user=person)
    document = make_document(brain, state=VersionState.FAILED, pages=["Some text."])
    claim(make_job(make_document(brain)))
    make_job(document)
    ingestion.tell_alive(name=f"host:{document.pk}", queue=Queue.OCR_WORKER, slots=2)
    begin_upload(person, brain, length=10)
    make_batch(person, brain)
    turn = make_turn(make_conversation(person, brain=brain), state=TurnState.COMPLETED)
    make_delivery(make_webhook(brain))
    DailyTokens.objects.create(user=person, day=timezone.now().date(), tokens=100)
    endpoint = make_endpoint()
    IndexGeneration.objects.create(model_name=f"vectors of {endpoint.pk}", dimensions=3)
    LogEntry.objects.create(
        user=person,
        content_type=ContentType.objects.get_for_model(turn),
        object_id=str(turn.pk),
        object_repr="a turn",
        action_flag=CHANGE,
    )


def page_of(model: type[Model], page: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


@pytest.fixture
def administrator() -> Client:
    client = Client()
    client.force_login(make_user(email="administrator@example.com", is_admin=True))
    return client


def make_brain_of_group(group: Group) -> Brain:
    brain = make_brain(owner=make_user())
    brain.memberships.all().delete()
    add_member(brain, group, BrainRole.OWNER)
    return brain


def owners(brain: Brain) -> list[str]:
    """Addresses of the people who own it by themselves."""
    own = brain.memberships.filter(role=BrainRole.OWNER, user__isnull=False)
    return sorted(own.values_list("user__email", flat=True))


def press(client: Client, row: Model, button: str) -> Any:  # noqa: ANN401 - a test response
    return client.post(page_of(type(row), "change", row.pk), {"_press": button}, follow=True)


@pytest.fixture(autouse=True)
def _one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window of a rate limit ends in the middle of a test."""
    now = time.time()
    monkeypatch.setattr("chatbot.rate_limits._now", lambda: now)


@pytest.mark.parametrize("model", MODELS, ids=by_name)
class TestPages:
    def test_open_as_lists(self, administrator: Client, model: type[Model]) -> None:
        populate()

        response = administrator.get(page_of(model, "changelist"), {"q": "a"})

        assert response.status_code == 200

    def test_take_as_many_queries_for_many_rows_as_for_few(
        self, administrator: Client, model: type[Model]
    ) -> None:
        populate()
        administrator.get(page_of(model, "changelist"))
        with CaptureQueriesContext(connection) as few:
            administrator.get(page_of(model, "changelist"))
        for _ in range(4):
            populate()

        with CaptureQueriesContext(connection) as many:
            administrator.get(page_of(model, "changelist"))

        assert len(few) == len(many)

    def test_open_for_one(self, administrator: Client, model: type[Model]) -> None:
        populate()
        row = model._default_manager.order_by("pk")[0]

        assert administrator.get(page_of(model, "change", row.pk)).status_code == 200

    def test_make_new_ones_only_where_people_do(
        self, administrator: Client, model: type[Model]
    ) -> None:
        status = administrator.get(page_of(model, "add")).status_code

        assert status == (200 if model.__name__ in EDITED else 403)

    def test_change_nothing_but_what_people_edit(
        self, administrator: Client, model: type[Model]
    ) -> None:
        populate()
        row = model._default_manager.order_by("pk")[0]
        before = model._default_manager.values().get(pk=row.pk)

        status = administrator.post(page_of(model, "change", row.pk), {}).status_code

        assert status == SAVED.get(model.__name__, 403)
        assert model._default_manager.values().get(pk=row.pk) == before

    def test_are_closed_to_members(self, model: type[Model]) -> None:
        client = Client()
        client.force_login(make_user())

        response = client.get(page_of(model, "changelist"))

        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")


class TestTokensADay:
    @pytest.mark.parametrize("of", ["user", "key"])
    def test_are_set_for_a_person_and_for_a_key(self, administrator: Client, of: str) -> None:
        person = make_user()
        row: User | ApiKey = person if of == "user" else make_api_key(person)[0]
        form = {"email": person.email, "language": "en", "is_active": "on"}

        administrator.post(page_of(type(row), "change", row.pk), {**form, "tokens_per_day": "500"})

        row.refresh_from_db()
        assert row.tokens_per_day == 500


class TestIndex:
    def test_opens_for_an_administrator(self, administrator: Client) -> None:
        assert b"Brainstem" in administrator.get("/admin/").content

    def test_shows_every_model_of_the_domain_that_administrators_look_after(self) -> None:
        assert {
            "User",
            "Group",
            "ApiKey",
            "RefreshToken",
            "Brain",
            "Document",
            "DocumentVersion",
            "IngestionJob",
            "Worker",
            "Conversation",
            "Turn",
            "DailyTokens",
            "InferenceEndpoint",
            "InferenceModel",
        } <= {model.__name__ for model in MODELS}


class TestSignIn:
    def sign_in(self, user: User, password: str = PASSWORD) -> Any:  # noqa: ANN401
        return Client().post(
            "/admin/login/", {"username": user.email.upper(), "password": password}
        )

    def test_goes_by_address_and_password(self) -> None:
        assert self.sign_in(make_user(is_admin=True)).status_code == 302

    def test_is_refused_to_members(self) -> None:
        assert self.sign_in(make_user()).status_code == 200

    def test_is_limited(self) -> None:
        user = make_user(is_admin=True)
        for _ in range(TRIES_PER_ACCOUNT_AND_ADDRESS):
            self.sign_in(user, "wrong")

        response = self.sign_in(user)

        assert response.status_code == 200
        assert b"Too many tries" in response.content


class TestUser:
    def test_is_made_with_an_address_in_lower_case(self, administrator: Client) -> None:
        response = administrator.post(
            page_of(User, "add"),
            {
                "email": "New@Example.com",
                "language": "ko",
                "usable_password": "true",
                "password1": "another-battery-staple",
                "password2": "another-battery-staple",
            },
        )

        assert response.status_code == 302
        user = User.objects.get(email="new@example.com")
        assert (user.role, user.language) == ("member", "ko")
        assert user.check_password("another-battery-staple")

    def test_becomes_an_administrator(self, administrator: Client) -> None:
        user = make_user()
        fields = {"email": user.email, "language": "en", "is_active": "on", "is_superuser": "on"}

        administrator.post(page_of(User, "change", user.pk), fields)

        user.refresh_from_db()
        assert user.role == "admin"

    def test_loses_sessions_and_tokens_by_a_button(self, administrator: Client) -> None:
        user = make_user()
        refresh = issue_tokens(user=user).refresh
        theirs = Client()
        theirs.force_login(user)

        press(administrator, user, "end-sessions")

        assert theirs.get("/api/v1/auth/me").status_code == 401
        with pytest.raises(NotAuthenticated):
            refresh_tokens(refresh=refresh)

    def test_loses_sessions_and_tokens_with_a_new_password(self, administrator: Client) -> None:
        user = make_user()
        version = user.token_version

        administrator.post(
            reverse("admin:auth_user_password_change", args=[user.pk]),
            {
                "usable_password": "true",
                "password1": "another-battery-staple",
                "password2": "another-battery-staple",
            },
        )

        user.refresh_from_db()
        assert user.check_password("another-battery-staple")
        assert user.token_version == version + 1

    def test_leaves_brains_to_whoever_deletes_it_and_says_so_before(
        self, administrator: Client
    ) -> None:
        user = make_user()
        brain = make_brain(owner=user, name="Anatomy")
        address = page_of(User, "delete", user.pk)

        page = administrator.get(address).content.decode()
        done = administrator.post(address, {"post": "yes"}, follow=True).content.decode()

        assert "Nobody else owns the brains “Anatomy”. You will become the owner." in page
        assert "You are now the owner of the brains “Anatomy”." in done
        assert "You will" not in done
        assert owners(brain) == ["administrator@example.com"]

    def test_leaves_brains_when_it_is_deleted_among_others(self, administrator: Client) -> None:
        users = [make_user(), make_user()]
        brain = make_brain(owner=users[0])
        chosen = {"action": "delete_selected", "_selected_action": [user.pk for user in users]}

        page = administrator.post(page_of(User, "changelist"), chosen).content.decode()
        administrator.post(page_of(User, "changelist"), {**chosen, "post": "yes"})

        assert brain.name in page
        assert owners(brain) == ["administrator@example.com"]
        assert User.objects.count() == 1

    def test_leaves_brains_and_all_sessions_when_it_is_closed(self, administrator: Client) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        fields = {"email": user.email, "language": "en"}

        administrator.post(page_of(User, "change", user.pk), fields)

        assert owners(brain) == ["administrator@example.com", user.email]
        assert User.objects.get(pk=user.pk).token_version == user.token_version + 1

    def test_leaves_brains_when_it_leaves_the_group_that_owns_them(
        self, administrator: Client
    ) -> None:
        user = make_user()
        brain = make_brain_of_group(make_group(user))
        fields = {"email": user.email, "language": "en", "is_active": "on"}

        administrator.post(page_of(User, "change", user.pk), fields)

        assert owners(brain) == ["administrator@example.com"]

    @pytest.mark.parametrize("page", ["delete", "changelist"])
    def test_cannot_be_deleted_by_itself(self, page: str, administrator: Client) -> None:
        own = User.objects.get()
        arguments = {"delete": [own.pk], "changelist": []}[page]
        chosen = {"action": "delete_selected", "_selected_action": [own.pk], "post": "yes"}

        response = administrator.post(page_of(User, page, *arguments), chosen)

        assert "another administrator can delete it" in response.content.decode()
        assert User.objects.exists()

    def test_cannot_lock_itself_out(self, administrator: Client) -> None:
        own = User.objects.get()

        administrator.post(page_of(User, "change", own.pk), {"email": own.email, "language": "ko"})

        own.refresh_from_db()
        assert (own.language, own.is_active, own.is_superuser) == ("ko", True, True)

    def test_has_a_page_without_the_password(self, administrator: Client) -> None:
        user = make_user()

        page = administrator.get(page_of(User, "change", user.pk)).content.decode()

        assert user.password not in page


class TestBrain:
    def form(self, brain: Brain, **changes: str) -> dict[str, str]:
        member = brain.memberships.get()
        prefix = "memberships"
        return {
            "name": brain.name,
            f"{prefix}-TOTAL_FORMS": "1",
            f"{prefix}-INITIAL_FORMS": "1",
            f"{prefix}-0-id": str(member.pk),
            f"{prefix}-0-brain": str(brain.pk),
            f"{prefix}-0-user": str(member.user_id or ""),
            f"{prefix}-0-group": str(member.group_id or ""),
            f"{prefix}-0-role": str(member.role),
            **changes,
        }

    def test_is_renamed(self, administrator: Client) -> None:
        brain = make_brain(owner=make_user())

        administrator.post(page_of(Brain, "change", brain.pk), self.form(brain, name="New"))

        brain.refresh_from_db()
        assert brain.name == "New"

    @pytest.mark.parametrize(
        "change",
        [{"memberships-0-role": "1"}, {"memberships-0-DELETE": "on"}, {"memberships-0-user": ""}],
        ids=["lower role", "removed", "nobody"],
    )
    def test_keeps_an_owner(self, administrator: Client, change: dict[str, str]) -> None:
        brain = make_brain(owner=make_user())

        response = administrator.post(
            page_of(Brain, "change", brain.pk), self.form(brain, **change)
        )

        assert response.status_code == 200
        assert brain.memberships.get().role == BrainRole.OWNER

    def test_is_deleted_without_listing_all_that_goes_along(self, administrator: Client) -> None:
        brain = make_brain(owner=make_user())
        make_document(brain, title="A secret title", pages=["text"])
        address = page_of(Brain, "delete", brain.pk)

        page = administrator.get(address).content

        administrator.post(address, {"post": "yes"})
        assert b"A secret title" not in page
        assert not Document.objects.exists()


class TestGroup:
    def test_leaves_brains_to_whoever_deletes_it(self, administrator: Client) -> None:
        group = make_group(make_user())
        brain = make_brain_of_group(group)
        address = page_of(Group, "delete", group.pk)

        page = administrator.get(address).content.decode()
        administrator.post(address, {"post": "yes"})

        assert f"Nobody else owns the brains “{brain.name}”." in page
        assert owners(brain) == ["administrator@example.com"]

    def test_leaves_brains_when_its_last_member_goes(self, administrator: Client) -> None:
        group = make_group(make_user())
        brain = make_brain_of_group(group)
        member = User.groups.through.objects.get()
        fields = {
            "name": group.name,
            "User_groups-TOTAL_FORMS": "1",
            "User_groups-INITIAL_FORMS": "1",
            "User_groups-0-id": str(member.pk),
            "User_groups-0-user": str(member.user_id),
            "User_groups-0-group": str(group.pk),
            "User_groups-0-DELETE": "on",
        }

        administrator.post(page_of(Group, "change", group.pk), fields)

        assert not group.user_set.exists()
        assert "administrator@example.com" in owners(brain)

    def test_gets_members(self, administrator: Client) -> None:
        user = make_user()

        administrator.post(
            page_of(Group, "add"),
            {
                "name": "Anatomists",
                "User_groups-TOTAL_FORMS": "1",
                "User_groups-INITIAL_FORMS": "0",
                "User_groups-0-user": str(user.pk),
            },
        )

        assert user.groups.get().name == "Anatomists"


class TestDocument:
    def test_is_tried_again_by_a_button(self, administrator: Client) -> None:
        document = make_document(make_brain(owner=make_user()), state=VersionState.FAILED)

        response = press(administrator, document, "retry")

        assert version_of(document).state == VersionState.RECEIVED
        assert b"queued again" in response.content

    def test_is_cancelled_by_a_button(self, administrator: Client) -> None:
        document = make_document(make_brain(owner=make_user()))

        press(administrator, document, "cancel")

        assert version_of(document).state == VersionState.CANCELLED

    def test_says_why_a_button_does_nothing(self, administrator: Client) -> None:
        document = make_document(make_brain(owner=make_user()), state=VersionState.READY)

        response = press(administrator, document, "retry")

        assert b"has neither failed nor been cancelled" in response.content

    def test_is_tried_again_among_others(self, administrator: Client) -> None:
        brain = make_brain(owner=make_user())
        failed = make_document(brain, state=VersionState.FAILED)
        ready = make_document(brain, state=VersionState.READY)

        administrator.post(
            page_of(Document, "changelist"),
            {"action": "try_again", "_selected_action": [failed.pk, ready.pk]},
        )

        assert version_of(failed).state == VersionState.RECEIVED
        assert version_of(ready).state == VersionState.READY

    def test_is_deleted(self, administrator: Client) -> None:
        document = make_document(make_brain(owner=make_user()))

        administrator.post(page_of(Document, "delete", document.pk), {"post": "yes"})

        assert not Document.objects.exists()

    def test_is_found_by_its_state(self, administrator: Client) -> None:
        brain = make_brain(owner=make_user())
        make_document(brain, title="The failed one", state=VersionState.FAILED)
        make_document(brain, title="The ready one", state=VersionState.READY)

        page = administrator.get(
            page_of(Document, "changelist"), {"current_version__state__exact": "failed"}
        ).content

        assert b"The failed one" in page
        assert b"The ready one" not in page

    def test_shows_its_address_without_the_query(self, administrator: Client) -> None:
        document = make_document(make_brain(owner=make_user()))
        Document.objects.update(source_url="https://example.com/a.pdf?signature=xyzzy")

        page = administrator.get(page_of(Document, "change", document.pk)).content.decode()

        assert "https://example.com/a.pdf" in page
        assert "xyzzy" not in page

    def test_leads_to_its_jobs(self, administrator: Client) -> None:
        document = make_document(make_brain(owner=make_user()))
        make_job(document)
        address = page_of(IngestionJob, "changelist")

        page = administrator.get(f"{address}?version__id__exact={document.current_version_id}")

        assert page.status_code == 200
        assert b"1 job" in page.content

    def test_has_buttons_for_administrators_only(self) -> None:
        document = make_document(make_brain(owner=make_user()), state=VersionState.FAILED)
        client = Client()
        client.force_login(make_user())

        press(client, document, "retry")

        assert version_of(document).state == VersionState.FAILED


class TestJob:
    def test_has_its_document_tried_again(self, administrator: Client) -> None:
        document = make_document(make_brain(owner=make_user()), state=VersionState.FAILED)
        job = make_job(document)

        press(administrator, job, "retry")

        assert version_of(document).state == VersionState.RECEIVED


class TestConversation:
    def test_shows_messages_that_nobody_can_change(self, administrator: Client) -> None:
        conversation = make_conversation(make_user())
        make_turn(conversation, question="What is a nerve?")

        page = administrator.get(page_of(Conversation, "change", conversation.pk)).content

        assert b"What is a nerve?" in page
        assert b"<textarea" not in page


class TestCredentials:
    @pytest.mark.parametrize(
        ("model", "make", "button"),
        [
            (ApiKey, make_api_key, "revoke"),
            (RefreshToken, lambda user: issue_tokens(user=user), "end"),
        ],
        ids=["API key", "refresh token"],
    )
    def test_are_ended_by_a_button(
        self,
        administrator: Client,
        model: type[ApiKey | RefreshToken],
        make: Callable[[User], object],
        button: str,
    ) -> None:
        make(make_user())

        press(administrator, model.objects.get(), button)

        assert model.objects.get().revoked_at is not None

    def test_show_no_secret(self, administrator: Client) -> None:
        key, secret = make_api_key(make_user())

        page = administrator.get(page_of(ApiKey, "change", key.pk)).content.decode()

        assert secret not in page
        assert key.secret_sha256 not in page


class TestWebhook:
    @pytest.fixture
    def webhook(self) -> Webhook:
        url = "https://receiver.example/services/T0/xyzzy?token=xyzzy"
        return make_webhook(make_brain(owner=make_user()), url=url)

    def test_shows_the_host_of_its_address_and_no_secret(
        self, administrator: Client, webhook: Webhook
    ) -> None:
        delivery = make_delivery(webhook)
        addresses = [
            page_of(Webhook, "changelist"),
            page_of(Webhook, "change", webhook.pk),
            page_of(Webhook, "delete", webhook.pk),
            page_of(Delivery, "changelist"),
            page_of(Delivery, "change", delivery.pk),
        ]

        pages = [administrator.get(address).content.decode() for address in addresses]

        assert [page.count("xyzzy") for page in pages] == [0] * len(pages)
        assert all("https://receiver.example" in page for page in pages)

    def test_is_deleted_without_its_secret_staying_in_the_log(
        self, administrator: Client, webhook: Webhook
    ) -> None:
        make_delivery(webhook)

        administrator.post(page_of(Webhook, "delete", webhook.pk), {"post": "yes"})

        assert not Webhook.objects.exists()
        assert LogEntry.objects.get().object_repr == "https://receiver.example"

    @pytest.mark.django_db(transaction=True)
    def test_is_deleted_while_an_event_is_recorded_for_it(
        self, administrator: Client, webhook: Webhook
    ) -> None:
        address = page_of(Webhook, "delete", webhook.pk)
        with transaction.atomic():
            event = WebhookEvent.DOCUMENT_READY
            record_event(brain_id=webhook.brain_id, event=event, data={})
            deleting = begin_elsewhere(lambda: administrator.post(address, {"post": "yes"}))
            wait_for_lock()
        deleting.result(PATIENCE_SECONDS)

        assert not Webhook.objects.exists()


class TestWorker:
    def test_is_drained_and_takes_jobs_again(self, administrator: Client) -> None:
        ingestion.tell_alive(name="host:1", queue=Queue.OCR_WORKER, slots=2)
        worker = Worker.objects.get()

        press(administrator, worker, "drain")
        worker.refresh_from_db()
        was_draining = worker.is_draining
        press(administrator, worker, "take")
        worker.refresh_from_db()

        assert (was_draining, worker.is_draining) == (True, False)

    def test_is_shown_with_the_queue_as_a_whole(self, administrator: Client) -> None:
        brain = make_brain(owner=make_user(email="waiting@example.com"))
        make_job(make_document(brain))
        claim(make_job(make_document(brain)), worker="host:1")
        ingestion.tell_alive(name="host:1", queue=Queue.INGEST_WORKER, slots=2)

        page = administrator.get(page_of(Worker, "changelist")).content.decode()

        assert "waiting@example.com" in page
        assert "<td>open</td><td>ingest_worker</td><td>1</td><td>0</td><td>1</td>" in page
        assert "ingest_worker: 1 alive, 0 draining, 2 slots" in page
        assert "documents wait until one is started" in page

    def test_tells_which_walls_are_missing(self, administrator: Client) -> None:
        ingestion.tell_alive(name="host:1", queue=Queue.INGEST_WORKER, slots=2)
        ingestion.tell_alive(
            name="host:2", queue=Queue.INGEST_WORKER, slots=2, missing_walls="landlock, seccomp"
        )

        page = administrator.get(page_of(Worker, "changelist")).content.decode()

        assert page.count("complete</td>") == 1
        assert page.count("without landlock, seccomp</td>") == 1

    def test_says_what_fails(self, administrator: Client) -> None:
        brain = make_brain(owner=make_user())
        document = make_document(brain, state=VersionState.FAILED)
        document.versions.update(error_code="file-broken")

        page = administrator.get(page_of(Worker, "changelist")).content.decode()

        assert "?error_code__exact=file-broken" in page


class TestTimeline:
    def test_tells_who_did_what(self, administrator: Client) -> None:
        brain = make_brain(owner=make_user())
        document = make_document(brain)
        claimed = claim(make_job(document), worker="host:7")
        ingestion.release_job(claimed)

        page = administrator.get(page_of(Document, "change", document.pk)).content.decode()

        assert "<td>open (version 1)</td>" in page
        assert "<td>host:7</td>" in page
        assert "<td>given back</td>" in page


class TestReadAgain:
    def test_reads_the_file_anew(self, administrator: Client) -> None:
        brain = make_brain(owner=make_user())
        document = make_document(brain, state=VersionState.READY, pages=["Some text."])

        press(administrator, document, "reread")

        document.refresh_from_db()
        assert document.next_version is not None
