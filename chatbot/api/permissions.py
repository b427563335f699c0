"""Who may call a view at all. What they see there is decided in the selectors' queries."""

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from chatbot.api.authentication import scopes_of
from chatbot.contracts.errors import NotAllowed, NotAuthenticated

if TYPE_CHECKING:
    # DRF's views import this module, by the settings.
    from rest_framework.views import APIView


class IsSignedIn(BasePermission):
    """Somebody is signed in; an API key also needs one of the view's scopes.

    A view names them in `read_scopes` and `write_scopes`. One that names none is closed to keys.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            raise NotAuthenticated(
                "This needs somebody who is signed in.",
                way_out="Sign in, or send a token or an API key in the header Authorization.",
            )
        held = scopes_of(request)
        if held is not None:
            _require_scope(held, _scopes(request, view))
        return True


def _scopes(request: Request, view: "APIView") -> frozenset[str]:
    attribute = "read_scopes" if request.method in SAFE_METHODS else "write_scopes"
    scopes: frozenset[str] = getattr(view, attribute, frozenset())
    return scopes


def _require_scope(held: frozenset[str], wanted: frozenset[str]) -> None:
    if not wanted:
        raise NotAllowed(
            "An API key can't do this.",
            code="key-not-accepted",
            way_out="Sign in, or use an access token.",
        )
    if not held & wanted:
        raise NotAllowed(
            f"This API key lacks the scope {' or '.join(sorted(wanted))}.",
            code="scope-missing",
            way_out="Make a key with this scope.",
        )
