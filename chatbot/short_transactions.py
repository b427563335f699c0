"""Transactions whose beginning goes with their first statement, and whose end with their last.

Django's `atomic` asks the database twice more, to begin and to commit. Where somebody waits for an
answer and there are two statements, that is half of the time. Inside another transaction this one
is a part of it, as with `atomic`.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from django.db import DatabaseError, Error, connection, transaction
from django.db.backends.utils import CursorWrapper

from chatbot.prepared_statements import PreparedStatement

_BEGIN: Final = "BEGIN;"
_COMMIT: Final = ";COMMIT"


class ShortTransaction:
    """Statements are bound by the client: so several of them are one request.

    Within `atomic` it is a part of that, and begins and ends nothing.
    """

    def __init__(self) -> None:
        self._is_part = connection.in_atomic_block
        self._is_open = False

    def first(
        self,
        cursor: CursorWrapper,
        statements: Sequence[str | PreparedStatement],
        named: Mapping[str, Any],
    ) -> None:
        """Begins, and executes them; the cursor stands at the first's result."""
        if self._is_part:
            cursor.execute(_unprepared(statements), named)
            return
        try:
            prepared = (one if isinstance(one, str) else one.on(cursor) for one in statements)
            cursor.execute(_BEGIN + ";".join(prepared), named)
        except DatabaseError as error:
            if not PreparedStatement.do_without(error):
                raise
            self.undo()
            cursor.execute(_BEGIN + _unprepared(statements), named)
        self._is_open = True
        cursor.nextset()

    def last(self, cursor: CursorWrapper, sql: str, named: Mapping[str, Any]) -> None:
        """Executes a statement, and commits."""
        cursor.execute(sql if self._is_part else sql + _COMMIT, named)
        self._is_open = False

    def end(self) -> None:
        """Commits where `last` didn't."""
        if self._is_open:
            self._is_open = False
            _execute("COMMIT")

    def undo(self) -> None:
        """Rolls back; a connection on which that fails is closed."""
        try:
            _execute("ROLLBACK")
        except Error:
            connection.close()


@contextlib.contextmanager
def short_transaction() -> Iterator[ShortTransaction]:
    """An error within undoes it. What is to follow the commit, follows it or the last statement."""
    if connection.in_atomic_block:
        with transaction.atomic():
            yield ShortTransaction()
        return
    own = ShortTransaction()
    try:
        yield own
        own.end()
    except BaseException:
        own.undo()
        raise


def _unprepared(statements: Sequence[str | PreparedStatement]) -> str:
    return ";".join(map(str, statements))


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
