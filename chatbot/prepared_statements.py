"""Statements that a connection plans once: planning a large one takes longer than executing it.

PostgreSQL keeps them for each connection. A pooler that hands connections out by transaction loses
them, and a migration may change what they give: once one can't be executed, this process does
without.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper
from psycopg.errors import (
    DuplicatePreparedStatement,
    FeatureNotSupported,
    InvalidSqlStatementName,
)

if TYPE_CHECKING:
    from psycopg import Connection

_PARAMETER: Final = re.compile(r"%\((\w+)\)s")


class PreparedStatement:
    """One statement, the same for the whole life of the process."""

    _are_kept = True

    def __init__(self, sql: str, types: Mapping[str, str]) -> None:
        """`types`: PostgreSQL's, of all that `sql` names as `%(name)s`."""
        names = list(dict.fromkeys(_PARAMETER.findall(sql)))
        numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
        # Processes of two releases may meet behind a pooler.
        name = f"brainstem_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
        self._sql = sql
        self._prepare = f"PREPARE {name}({', '.join(types[one] for one in names)}) AS {numbered}"
        self._execute = f"EXECUTE {name}({', '.join(f'%({one})s' for one in names)})"
        self._connections: WeakSet[Connection[Any]] = WeakSet()
        """Where it is prepared."""

    def __str__(self) -> str:
        """As it is executed unprepared."""
        return self._sql

    def on(self, cursor: CursorWrapper) -> str:
        """As it is executed on this connection; outside transactions, for it may fail."""
        if not self._are_kept:
            return self._sql
        if connection.connection not in self._connections:
            self._prepare_on(cursor)
        return self._execute

    def _prepare_on(self, cursor: CursorWrapper) -> None:
        try:
            # Without parameters nothing is looked for in it, as `%`.
            cursor.execute(self._prepare)
        except DatabaseError as error:
            if not isinstance(error.__cause__, DuplicatePreparedStatement):
                raise
        self._connections.add(connection.connection)

    @classmethod
    def do_without(cls, error: DatabaseError) -> bool:
        """Whether the error says that one is lost or out of date; then none is used again."""
        if not isinstance(error.__cause__, InvalidSqlStatementName | FeatureNotSupported):
            return False
        PreparedStatement._are_kept = False
        return True
