"""Brains and who belongs to them."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from chatbot.accounts.api.authentication import user_of
from chatbot.accounts.models import Scope
from chatbot.api.views import ApiView
from chatbot.brains.api.serializers import (
    BrainInput,
    BrainOutput,
    BrainsQuery,
    MemberInput,
    MemberOutput,
    MemberRoleInput,
)
from chatbot.brains.selectors import find_brains, get_described_brain, members
from chatbot.brains.services import (
    add_member,
    change_member,
    create_brain,
    delete_brain,
    remove_member,
    update_brain,
)


class BrainApiView(ApiView):
    read_scopes = frozenset({Scope.BRAINS_READ})
    write_scopes = frozenset({Scope.BRAINS_WRITE})


class BrainsView(BrainApiView):
    @extend_schema(
        operation_id="list_brains", parameters=[BrainsQuery], responses=BrainOutput(many=True)
    )
    def get(self, request: Request) -> Response:
        """The brains of which one is a member, by name."""
        return self.page(find_brains(user=user_of(request), **self.asked(BrainsQuery)), BrainOutput)

    @extend_schema(operation_id="create_brain", request=BrainInput, responses={201: BrainOutput})
    def post(self, request: Request) -> Response:
        """Makes a brain and becomes its owner."""
        brain = create_brain(user=user_of(request), **self.parsed(BrainInput))
        return Response(BrainOutput(brain).data, status=201)


class BrainView(BrainApiView):
    @extend_schema(operation_id="get_brain", responses=BrainOutput)
    def get(self, request: Request, brain_id: UUID) -> Response:
        """One brain."""
        brain = get_described_brain(user=user_of(request), brain_id=brain_id)
        return Response(BrainOutput(brain).data)

    @extend_schema(operation_id="change_brain", request=BrainInput, responses=BrainOutput)
    def patch(self, request: Request, brain_id: UUID) -> Response:
        """Changes a brain; needs the role owner."""
        changes = self.parsed(BrainInput, partial=True)
        brain = update_brain(user=user_of(request), brain_id=brain_id, **changes)
        return Response(BrainOutput(brain).data)

    @extend_schema(operation_id="delete_brain", responses={204: None})
    def delete(self, request: Request, brain_id: UUID) -> Response:
        """Deletes a brain with its documents; needs the role owner."""
        delete_brain(user=user_of(request), brain_id=brain_id)
        return Response(status=204)


class MembersView(BrainApiView):
    @extend_schema(operation_id="list_members", responses=MemberOutput(many=True))
    def get(self, request: Request, brain_id: UUID) -> Response:
        """The people and groups of a brain."""
        return self.page(members(user=user_of(request), brain_id=brain_id), MemberOutput)

    @extend_schema(operation_id="add_member", request=MemberInput, responses={201: MemberOutput})
    def post(self, request: Request, brain_id: UUID) -> Response:
        """Lets a person or a group in; needs the role owner."""
        member = add_member(user=user_of(request), brain_id=brain_id, **self.parsed(MemberInput))
        return Response(MemberOutput(member).data, status=201)


class MemberView(BrainApiView):
    @extend_schema(operation_id="change_member", request=MemberRoleInput, responses=MemberOutput)
    def patch(self, request: Request, brain_id: UUID, member_id: UUID) -> Response:
        """Gives a member another role; needs the role owner. The last owner stays one."""
        member = change_member(
            user=user_of(request),
            brain_id=brain_id,
            member_id=member_id,
            **self.parsed(MemberRoleInput),
        )
        return Response(MemberOutput(member).data)

    @extend_schema(operation_id="remove_member", responses={204: None})
    def delete(self, request: Request, brain_id: UUID, member_id: UUID) -> Response:
        """Takes a member out; needs the role owner. The last owner can't go."""
        remove_member(user=user_of(request), brain_id=brain_id, member_id=member_id)
        return Response(status=204)
