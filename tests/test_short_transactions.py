from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from chatbot.conversations.models import Conversation
from chatbot.conversations.services import ask
from chatbot.conversations.services.turns import Claimer
from chatbot.short_transactions import short_transaction
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation

READ = ["SELECT 1", "SELECT title FROM conversations_conversation WHERE id = %(id)s FOR UPDATE"]
WRITE = "UPDATE conversations_conversation SET title = %(title)s WHERE id = %(id)s"


@pytest.fixture
def conversation(transactional_db: None) -> Conversation:  # noqa: ARG001 - the database comes first
    return make_conversation(make_user(), title="before")


def change(conversation: Conversation) -> str:
    """Reads the title and writes another; returns the first."""
    with short_transaction() as own, connection.cursor() as cursor:
        own.first(cursor, READ, {"id": conversation.pk})
        cursor.nextset()
        [title] = cursor.fetchone()
        own.last(cursor, WRITE, {"id": conversation.pk, "title": "after"})
    return str(title)


def kept(conversation: Conversation) -> str:
    """The title as any other connection sees it."""
    connection.close()
    return Conversation.objects.get(pk=conversation.pk).title


@contextmanager
def asked() -> Iterator[list[str]]:
    """What the database is asked meanwhile, a request each."""
    found: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: object) -> object:
        found.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield found


class TestShortTransaction:
    def test_reads_and_commits(self, conversation: Conversation) -> None:
        assert change(conversation) == "before"
        assert kept(conversation) == "after"

    def test_asks_the_database_twice(self, conversation: Conversation) -> None:
        with asked() as statements:
            change(conversation)

        assert [sql.split(";")[0].split()[0] for sql in statements] == ["BEGIN", "UPDATE"]

    def test_commits_what_has_no_last_statement(self, conversation: Conversation) -> None:
        with short_transaction() as own, connection.cursor() as cursor:
            own.first(cursor, [WRITE], {"id": conversation.pk, "title": "after"})

        assert kept(conversation) == "after"

    def test_is_undone_by_an_error(self, conversation: Conversation) -> None:
        def fail() -> None:
            with short_transaction() as own, connection.cursor() as cursor:
                own.first(cursor, [WRITE], {"id": conversation.pk, "title": "after"})
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()

        with connection.cursor() as cursor:
            cursor.execute(WRITE, {"id": conversation.pk, "title": "later"})
        assert kept(conversation) == "later"

    def test_closes_a_connection_that_was_lost(self, conversation: Conversation) -> None:
        def lose() -> None:
            with short_transaction() as own, connection.cursor() as cursor:
                own.first(cursor, [WRITE], {"id": conversation.pk, "title": "after"})
                connection.connection.close()
                raise RuntimeError

        with pytest.raises(RuntimeError):
            lose()

        assert kept(conversation) == "before"

    def test_is_a_part_of_the_one_around_it(self, conversation: Conversation) -> None:
        def fail() -> None:
            with transaction.atomic():
                change(conversation)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()

        assert kept(conversation) == "before"

    def test_carries_a_question(self, conversation: Conversation) -> None:
        def ask_one() -> None:
            ask(
                user=conversation.user,
                conversation_id=conversation.pk,
                text="What?",
                claimer=Claimer("one", lambda _claim: None),
            )

        ask_one()
        with asked() as statements:
            ask_one()

        assert len(statements) == 2
