import threading
import uuid

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from chatbot.accounts.models import User
from chatbot.accounts.services.departures import Leaving, left_behind, remove
from chatbot.brains.models import Brain, BrainMembership, BrainRole
from chatbot.brains.services import (
    add_member,
    change_member,
    create_brain,
    delete_brain,
    remove_member,
    update_brain,
)
from chatbot.contracts.errors import Conflict, InvalidInput, NotAllowed, NotFound
from chatbot.inference.models import InferenceModel, ModelKind
from tests.factories import brains
from tests.factories.accounts import make_group, make_user
from tests.factories.brains import make_brain


def own_membership(brain: Brain, user: User) -> BrainMembership:
    return BrainMembership.objects.get(brain=brain, user=user)


@pytest.mark.django_db
class TestCreateBrain:
    def test_makes_its_maker_the_owner(self) -> None:
        user = make_user()

        brain = create_brain(user=user, name="Anatomy")

        assert own_membership(brain, user).role == BrainRole.OWNER

    def test_takes_a_chat_model(self) -> None:
        model = InferenceModel.objects.create(name="small")

        assert create_brain(user=make_user(), name="Anatomy", model_id=model.pk).model == model

    def test_refuses_models_that_do_not_chat(self) -> None:
        model = InferenceModel.objects.create(name="vectors", kind=ModelKind.EMBEDDING)

        with pytest.raises(InvalidInput) as caught:
            create_brain(user=make_user(), name="Anatomy", model_id=model.pk)

        assert "model" in caught.value.fields


@pytest.mark.django_db
class TestUpdateBrain:
    def test_changes_what_is_given_and_nothing_else(self) -> None:
        user = make_user()
        brain = make_brain(owner=user, name="Anatomy", instructions="Be brief.")

        update_brain(user=user, brain_id=brain.pk, name="해부학")

        brain.refresh_from_db()
        assert (brain.name, brain.instructions) == ("해부학", "Be brief.")

    def test_goes_back_to_the_default_model(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)
        Brain.objects.update(model=InferenceModel.objects.create(name="small"))

        assert update_brain(user=user, brain_id=brain.pk, model_id=None).model is None

    def test_needs_an_owner(self) -> None:
        editor = make_user()
        brain = make_brain(owner=make_user())
        brains.add_member(brain, editor, BrainRole.EDITOR)

        with pytest.raises(NotAllowed):
            update_brain(user=editor, brain_id=brain.pk, name="Mine")

    def test_knows_the_fields_of_a_brain(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)

        with pytest.raises(TypeError):
            update_brain(user=user, brain_id=brain.pk, colour="red")


@pytest.mark.django_db
class TestDeleteBrain:
    def test_takes_members_along(self) -> None:
        user = make_user()
        brain = make_brain(owner=user)

        delete_brain(user=user, brain_id=brain.pk)

        assert not BrainMembership.objects.exists()

    def test_does_not_find_what_somebody_else_owns(self) -> None:
        brain = make_brain(owner=make_user())

        with pytest.raises(NotFound):
            delete_brain(user=make_user(), brain_id=brain.pk)


@pytest.mark.django_db
class TestAddMember:
    def test_lets_people_in_by_address(self) -> None:
        owner, friend = make_user(), make_user(email="friend@example.com")
        brain = make_brain(owner=owner)

        member = add_member(
            user=owner, brain_id=brain.pk, email="Friend@example.com", role=BrainRole.EDITOR
        )

        assert (member.user, member.role) == (friend, BrainRole.EDITOR)

    def test_lets_groups_in_that_the_owner_is_in(self) -> None:
        owner = make_user()
        group = make_group(owner)
        brain = make_brain(owner=owner)

        member = add_member(user=owner, brain_id=brain.pk, group_id=group.pk, role=BrainRole.VIEWER)

        assert member.group == group

    def test_does_not_know_groups_of_others(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)

        with pytest.raises(InvalidInput) as caught:
            add_member(
                user=owner, brain_id=brain.pk, group_id=make_group().pk, role=BrainRole.VIEWER
            )

        assert "group" in caught.value.fields

    def test_says_that_nobody_has_the_address(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)

        with pytest.raises(InvalidInput) as caught:
            add_member(user=owner, brain_id=brain.pk, email="no@example.com", role=BrainRole.VIEWER)

        assert "email" in caught.value.fields

    @pytest.mark.parametrize(
        ("email", "group_id"), [(None, None), ("friend@example.com", 1)], ids=["neither", "both"]
    )
    def test_wants_a_person_or_a_group(self, email: str | None, group_id: int | None) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)

        with pytest.raises(InvalidInput):
            add_member(
                user=owner,
                brain_id=brain.pk,
                email=email,
                group_id=group_id,
                role=BrainRole.VIEWER,
            )

    def test_refuses_who_is_there_already(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)

        with pytest.raises(Conflict) as caught:
            add_member(user=owner, brain_id=brain.pk, email=owner.email, role=BrainRole.VIEWER)

        assert caught.value.error_code == "already-member"


@pytest.mark.django_db
class TestLastOwner:
    def test_can_not_be_removed(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)
        member = own_membership(brain, owner)

        with pytest.raises(Conflict) as caught:
            remove_member(user=owner, brain_id=brain.pk, member_id=member.pk)

        assert caught.value.error_code == "last-owner"
        assert own_membership(brain, owner) == member

    def test_can_not_take_a_lower_role(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)
        member = own_membership(brain, owner)

        with pytest.raises(Conflict):
            change_member(user=owner, brain_id=brain.pk, member_id=member.pk, role=BrainRole.EDITOR)

        assert own_membership(brain, owner).role == BrainRole.OWNER

    def test_may_go_when_there_is_another(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)
        brains.add_member(brain, make_user(), BrainRole.OWNER)

        remove_member(user=owner, brain_id=brain.pk, member_id=own_membership(brain, owner).pk)

        assert brain.memberships.count() == 1

    def test_may_go_when_a_group_with_people_in_it_owns_the_brain(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)
        brains.add_member(brain, make_group(make_user()), BrainRole.OWNER)

        remove_member(user=owner, brain_id=brain.pk, member_id=own_membership(brain, owner).pk)

        assert brain.memberships.count() == 1

    def test_is_not_replaced_by_an_empty_group_or_a_closed_account(self) -> None:
        owner, closed = make_user(), make_user()
        User.objects.filter(pk=closed.pk).update(is_active=False)
        brain = make_brain(owner=owner)
        brains.add_member(brain, make_group(), BrainRole.OWNER)
        brains.add_member(brain, closed, BrainRole.OWNER)

        with pytest.raises(Conflict):
            remove_member(user=owner, brain_id=brain.pk, member_id=own_membership(brain, owner).pk)


@pytest.mark.django_db
class TestChangeMember:
    def test_does_not_find_members_of_another_brain(self) -> None:
        owner = make_user()
        brain, other = make_brain(owner=owner), make_brain(owner=owner)

        with pytest.raises(NotFound):
            change_member(
                user=owner,
                brain_id=brain.pk,
                member_id=own_membership(other, owner).pk,
                role=BrainRole.VIEWER,
            )

    def test_does_not_find_what_there_is_not(self) -> None:
        owner = make_user()
        brain = make_brain(owner=owner)

        with pytest.raises(NotFound):
            change_member(
                user=owner, brain_id=brain.pk, member_id=uuid.uuid4(), role=BrainRole.VIEWER
            )


@pytest.mark.django_db(transaction=True)
class TestTwoOwnersWhoLeaveAtOnce:
    def test_leave_one_behind(self) -> None:
        one, two = make_user(), make_user()
        brain = make_brain(owner=one)
        brains.add_member(brain, two, BrainRole.OWNER)
        refused: list[str] = []

        def leave(user: User) -> None:
            try:
                remove_member(
                    user=user, brain_id=brain.pk, member_id=own_membership(brain, user).pk
                )
            except Conflict as error:
                refused.append(error.error_code)
            finally:
                connection.close()

        leavers = [threading.Thread(target=leave, args=(user,)) for user in (one, two)]
        with transaction.atomic():
            Brain.objects.select_for_update().get(pk=brain.pk)
            for leaver in leavers:
                leaver.start()
        for leaver in leavers:
            leaver.join(30)

        assert refused == ["last-owner"]
        assert brain.memberships.filter(role=BrainRole.OWNER).count() == 1


def leave(*gone: User | Group) -> Leaving:
    people = [one for one in gone if isinstance(one, User)]
    groups = [one for one in gone if isinstance(one, Group)]
    return Leaving(frozenset(user.pk for user in people), frozenset(group.pk for group in groups))


@pytest.mark.django_db
class TestOwnedBrains:
    def test_go_to_the_heir_with_their_only_owner(self) -> None:
        owner, heir = make_user(), make_user(is_admin=True)
        brain = make_brain(owner=owner, name="Anatomy")
        leaving = leave(owner)

        announced = left_behind(leaving)
        handed_over = remove(leaving, heir=heir)

        assert announced == handed_over == ["Anatomy"]
        assert own_membership(brain, heir).role == BrainRole.OWNER
        assert not User.objects.filter(email=owner.email).exists()

    def test_raise_an_heir_who_is_there_in_a_lower_role(self) -> None:
        owner, heir = make_user(), make_user(is_admin=True)
        brain = make_brain(owner=owner)
        brains.add_member(brain, heir, BrainRole.VIEWER)

        remove(leave(owner), heir=heir)

        assert own_membership(brain, heir).role == BrainRole.OWNER

    def test_go_to_the_heir_with_the_only_group_that_owns_them(self) -> None:
        heir, group = make_user(is_admin=True), make_group(make_user())
        brain = make_brain(owner=make_user())
        brain.memberships.all().delete()
        brains.add_member(brain, group, BrainRole.OWNER)
        leaving = leave(group)

        announced = left_behind(leaving)
        handed_over = remove(leaving, heir=heir)

        assert announced == handed_over == [brain.name]
        assert own_membership(brain, heir).role == BrainRole.OWNER

    def test_go_to_the_heir_with_the_last_person_of_the_group_that_owns_them(self) -> None:
        heir, person = make_user(is_admin=True), make_user()
        brain = make_brain(owner=make_user())
        brain.memberships.all().delete()
        brains.add_member(brain, make_group(person), BrainRole.OWNER)

        assert left_behind(leave(person)) == remove(leave(person), heir=heir) == [brain.name]

    def test_stay_as_they_are_while_somebody_owns_them(self) -> None:
        owner, heir, group = make_user(), make_user(is_admin=True), make_group(make_user())
        by_person, by_group = make_brain(owner=owner), make_brain(owner=owner)
        brains.add_member(by_person, make_user(), BrainRole.OWNER)
        brains.add_member(by_group, group, BrainRole.OWNER)

        assert left_behind(leave(owner)) == remove(leave(owner), heir=heir) == []
        assert not BrainMembership.objects.filter(user=heir).exists()

    def test_are_left_behind_by_owners_who_go_together(self) -> None:
        one, other = make_user(), make_user()
        brain = make_brain(owner=one)
        brains.add_member(brain, other, BrainRole.OWNER)

        assert left_behind(leave(one)) == []
        assert left_behind(leave(one, other)) == [brain.name]

    def test_do_not_count_owners_who_may_not_sign_in(self) -> None:
        owner, closed = make_user(), make_user()
        brain = make_brain(owner=owner)
        brains.add_member(brain, closed, BrainRole.OWNER)
        User.objects.filter(pk=closed.pk).update(is_active=False)

        assert left_behind(leave(owner)) == [brain.name]

    def test_are_not_inherited_from_oneself(self) -> None:
        administrator = make_user(is_admin=True)

        with pytest.raises(Conflict) as caught:
            remove(leave(administrator), heir=administrator)

        assert caught.value.error_code == "own-account"
        assert User.objects.filter(pk=administrator.pk).exists()
