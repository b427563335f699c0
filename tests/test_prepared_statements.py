from collections.abc import Iterator

import pytest
from django.db import ProgrammingError, connection

from chatbot.conversations.models import Conversation
from chatbot.prepared_statements import PreparedStatement
from chatbot.short_transactions import short_transaction
from tests.factories.accounts import make_user
from tests.factories.conversations import make_conversation
from tests.test_short_transactions import asked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _are_kept() -> Iterator[None]:
    yield
    PreparedStatement._are_kept = True


@pytest.fixture
def titled() -> PreparedStatement:
    """Titles of one person's conversations that are like a pattern."""
    return PreparedStatement(
        "SELECT title, %(like)s FROM conversations_conversation"
        " WHERE title LIKE %(like)s AND user_id = %(user)s",
        types={"like": "text", "user": "uuid"},
    )


@pytest.fixture
def conversation() -> Conversation:
    return make_conversation(make_user(), title="100 %s")


def found(titled: PreparedStatement, conversation: Conversation) -> list[tuple[str, str]]:
    named = {"like": "100 %", "user": conversation.user_id}
    with short_transaction() as own, connection.cursor() as cursor:
        own.first(cursor, [titled], named)
        return list(cursor.fetchall())


def test_are_planned_once(titled: PreparedStatement, conversation: Conversation) -> None:
    with asked() as statements:
        answers = [found(titled, conversation) for _ in range(3)]

    assert answers == [[("100 %s", "100 %")]] * 3
    assert [one.split()[0] for one in statements] == ["PREPARE", *["BEGIN;EXECUTE", "COMMIT"] * 3]


def test_are_planned_for_each_connection(
    titled: PreparedStatement, conversation: Conversation
) -> None:
    found(titled, conversation)
    connection.close()

    assert found(titled, conversation) == [("100 %s", "100 %")]


def test_may_be_there_already(titled: PreparedStatement, conversation: Conversation) -> None:
    found(titled, conversation)
    again = PreparedStatement(str(titled), types={"like": "text", "user": "uuid"})

    assert found(again, conversation) == [("100 %s", "100 %")]


def test_are_done_without_where_connections_lose_them(
    titled: PreparedStatement, conversation: Conversation
) -> None:
    found(titled, conversation)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")

    with asked() as statements:
        answers = [found(titled, conversation) for _ in range(2)]

    assert answers == [[("100 %s", "100 %")]] * 2
    assert [one.split()[0] for one in statements[-4:]] == [
        "BEGIN;SELECT",
        "COMMIT",
        "BEGIN;SELECT",
        "COMMIT",
    ]


def test_are_done_without_where_a_migration_changed_them(
    titled: PreparedStatement, conversation: Conversation
) -> None:
    found(titled, conversation)
    alter = "ALTER TABLE conversations_conversation ALTER title TYPE varchar(%d)"
    characters = Conversation._meta.get_field("title").max_length or 0
    with connection.cursor() as cursor:
        cursor.execute(alter % (characters + 1))
    try:
        assert found(titled, conversation) == [("100 %s", "100 %")]
    finally:
        with connection.cursor() as cursor:
            cursor.execute(alter % characters)


def test_that_are_wrong_say_so(conversation: Conversation) -> None:
    wrong = PreparedStatement("SELECT nothing", types={})

    with pytest.raises(ProgrammingError, match="nothing"):
        found(wrong, conversation)
    assert Conversation.objects.get().title == "100 %s"
