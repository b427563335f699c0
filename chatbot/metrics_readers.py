"""Who may read figures: whoever has METRICS_TOKEN; without one, programs on this machine.

A request that came through a proxy has no rights of its own: a proxy here would else lend its
address to the world.
"""

import hmac
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from django.conf import settings

from chatbot.contracts.errors import NotAllowed, NotAuthenticated

_PROXY_HEADERS: Final = ("x-forwarded-for", "forwarded", "via", "x-real-ip")


def check_reader(*, header: Callable[[str], str | None], address: str) -> None:
    """Lets a request pass, or not.

    Args:
        header: gives a header of the request by its name in lower case.
        address: the caller's; empty over a UNIX socket.

    Raises:
        NotAuthenticated: a token is needed, and this is none or another one.
        NotAllowed: there is no token, and the caller isn't on this machine.
    """
    if settings.METRICS_TOKEN:
        kind, _, token = (header("authorization") or "").partition(" ")
        is_known = hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
        if kind.lower() != "bearer" or not is_known:
            raise NotAuthenticated(
                "Figures need the token.", way_out="Send METRICS_TOKEN as a bearer token."
            )
    elif not _is_this_machine(address) or any(header(name) for name in _PROXY_HEADERS):
        raise NotAllowed(
            "Figures are for this machine only.",
            way_out="Set METRICS_TOKEN, and send it as a bearer token.",
        )


def _is_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
