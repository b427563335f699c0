"""Who is at the other end of a connection."""

from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address that the front door saw: it alone writes the last entry of X-Forwarded-For."""
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
    return forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))
