"""For whoever watches the process: it lives, and it can do its work."""

import logging
from typing import Any, Final

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)

OK: Final = "ok"
AWAY: Final = "away"


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """The process answers."""
    return JsonResponse({"status": OK})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The database answers, too. Without Redis everything still works, only later."""
    database = _database()
    is_ready = database == OK
    body: dict[str, Any] = {"status": OK if is_ready else AWAY, "database": database}
    return JsonResponse(body, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("not ready: the database is away: %s", type(error).__name__)
        return AWAY
    return OK
