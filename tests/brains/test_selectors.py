import uuid

import pytest
from pytest_django import DjangoAssertNumQueries

from chatbot.brains.models import BrainRole
from chatbot.brains.selectors import (
    find_brains,
    get_brain,
    get_described_brain,
    members,
    readable_brains,
)
from chatbot.contracts.errors import NotAllowed, NotFound
from tests.factories.accounts import make_group, make_user
from tests.factories.brains import add_member, make_brain

pytestmark = pytest.mark.django_db


class TestReadableBrains:
    def test_are_those_one_is_a_member_of(self) -> None:
        user = make_user()
        mine = make_brain(owner=user)
        make_brain(owner=make_user())

        assert list(readable_brains(user=user)) == [mine]

    def test_are_those_of_ones_groups_too(self) -> None:
        user = make_user()
        shared = make_brain(owner=make_user())
        add_member(shared, make_group(user), BrainRole.VIEWER)

        assert list(readable_brains(user=user)) == [shared]

    def test_are_not_everything_for_an_admin(self) -> None:
        make_brain(owner=make_user())

        assert not readable_brains(user=make_user(is_admin=True)).exists()

    def test_carry_the_highest_of_several_roles(self) -> None:
        user = make_user()
        brain = make_brain(owner=make_user())
        add_member(brain, user, BrainRole.VIEWER)
        add_member(brain, make_group(user), BrainRole.EDITOR)

        assert getattr(readable_brains(user=user).get(), "role", None) == BrainRole.EDITOR


class TestGetBrain:
    def test_finds_nothing_that_is_foreign_or_absent(self) -> None:
        user = make_user()
        foreign = make_brain(owner=make_user())

        with pytest.raises(NotFound):
            get_brain(user=user, brain_id=foreign.pk)
        with pytest.raises(NotFound):
            get_brain(user=user, brain_id=uuid.uuid4())

    def test_says_which_role_is_needed(self) -> None:
        user = make_user()
        brain = make_brain(owner=make_user())
        add_member(brain, user, BrainRole.VIEWER)

        with pytest.raises(NotAllowed) as caught:
            get_brain(user=user, brain_id=brain.pk, role=BrainRole.EDITOR)

        assert caught.value.error_code == "role-too-low"
        assert "editor" in caught.value.sentence


class TestDescribedBrains:
    def test_count_members_and_documents_apart(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        add_member(brain, make_user(), BrainRole.VIEWER)
        add_member(brain, make_group(), BrainRole.VIEWER)

        described = get_described_brain(user=user, brain_id=brain.pk)

        assert (described.members_count, described.documents_count) == (3, 0)  # type: ignore[attr-defined]

    def test_take_one_query(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        user = make_user()
        for _ in range(3):
            make_brain(owner=user)

        with django_assert_num_queries(1):
            list(find_brains(user=user))

    def test_are_found_by_part_of_their_name(self) -> None:
        user = make_user()
        make_brain(owner=user, name="Anatomy")
        wanted = make_brain(owner=user, name="한국 요리")

        assert list(find_brains(user=user, search="요리")) == [wanted]


class TestMembers:
    def test_are_not_shown_to_strangers(self) -> None:
        brain = make_brain(owner=make_user())

        with pytest.raises(NotFound):
            members(user=make_user(), brain_id=brain.pk)

    def test_come_with_people_and_groups(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        add_member(brain, make_group(), BrainRole.VIEWER)

        with django_assert_num_queries(2):
            names = [str(member) for member in members(user=user, brain_id=brain.pk)]

        assert len(names) == 2
