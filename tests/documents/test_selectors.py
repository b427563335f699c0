"""Who sees which documents, pages and jobs."""

import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from chatbot.brains.models import BrainRole
from chatbot.contracts.errors import NotAllowed, NotFound
from chatbot.documents.models import VersionState
from chatbot.documents.selectors import (
    get_document,
    get_job_version,
    get_page,
    readable_documents,
    readable_pages,
)
from tests.factories.accounts import make_group, make_user
from tests.factories.brains import add_member, make_brain
from tests.factories.documents import make_document, version_of

pytestmark = pytest.mark.django_db


class TestReadableDocuments:
    def test_are_those_of_brains_of_which_one_is_a_member(self) -> None:
        owner, reader, stranger = make_user(), make_user(), make_user()
        shared, private = make_brain(owner=owner), make_brain(owner=owner)
        add_member(shared, make_group(reader), BrainRole.VIEWER)
        document = make_document(shared)
        other = make_document(private)

        assert set(readable_documents(user=owner)) == {document, other}
        assert set(readable_documents(user=reader)) == {document}
        assert set(readable_documents(user=stranger)) == set()

    def test_are_those_of_one_brain_if_it_is_named(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)
        document = make_document(brain)
        make_document(make_brain(owner=owner))

        assert list(readable_documents(user=owner, brain_id=brain.pk)) == [document]

    def test_of_a_foreign_brain_are_not_found(self) -> None:
        brain = make_brain(owner=make_user())

        with pytest.raises(NotFound):
            readable_documents(user=make_user(), brain_id=brain.pk)

    @pytest.mark.parametrize("count", [1, 20])
    def test_come_with_their_version_in_one_query(
        self, count: int, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)
        _ = [make_document(brain) for _ in range(count)]

        with django_assert_num_queries(1):
            states = [
                document.current_version and document.current_version.state
                for document in readable_documents(user=owner)
            ]

        assert states == [VersionState.RECEIVED] * count


class TestGetDocument:
    def test_needs_the_role(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        brain = make_brain(owner=make_user())
        viewer = make_user()
        add_member(brain, viewer, BrainRole.VIEWER)
        document = make_document(brain)

        with django_assert_num_queries(1):
            found = get_document(user=viewer, document_id=document.pk)

        assert found.current_version == version_of(document)
        with pytest.raises(NotAllowed):
            get_document(user=viewer, document_id=document.pk, role=BrainRole.EDITOR)

    def test_tells_foreign_and_absent_documents_not_apart(self) -> None:
        document = make_document(make_brain(owner=make_user()))
        stranger = make_user()

        with pytest.raises(NotFound) as foreign:
            get_document(user=stranger, document_id=document.pk)
        with pytest.raises(NotFound) as absent:
            get_document(user=stranger, document_id=uuid.uuid4())

        assert str(foreign.value) == str(absent.value)
        assert foreign.value.way_out == absent.value.way_out


class TestPages:
    def test_are_listed_without_their_text(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        owner = make_user()
        document = make_document(
            make_brain(owner=owner), state=VersionState.READY, pages=["one", "two"]
        )

        with django_assert_num_queries(2):
            pages = list(readable_pages(user=owner, document_id=document.pk))

        assert [page.number for page in pages] == [1, 2]
        assert pages[0].get_deferred_fields() == {"text", "boxes"}

    def test_are_found_by_number(self) -> None:
        owner = make_user()
        document = make_document(make_brain(owner=owner), pages=["one", "two"])

        page = get_page(user=owner, document_id=document.pk, number=2)

        assert page.text == "two"
        with pytest.raises(NotFound):
            get_page(user=owner, document_id=document.pk, number=3)

    def test_of_foreign_documents_are_not_found(self) -> None:
        document = make_document(make_brain(owner=make_user()), pages=["one"])
        stranger = make_user()

        with pytest.raises(NotFound):
            get_page(user=stranger, document_id=document.pk, number=1)
        with pytest.raises(NotFound):
            readable_pages(user=stranger, document_id=document.pk)


class TestGetJobVersion:
    def test_is_for_members_only(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        owner = make_user()
        document = make_document(make_brain(owner=owner))
        version = version_of(document)

        with django_assert_num_queries(1):
            found = get_job_version(user=owner, version_id=version.pk)

        assert found.document == document
        with pytest.raises(NotFound):
            get_job_version(user=make_user(), version_id=version.pk)
