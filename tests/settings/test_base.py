"""What every process waits for, and for how long."""

import socket

import pytest
from django.db import connection

LONGEST_MILLISECONDS = 30_000


@pytest.mark.django_db
class TestDatabase:
    def test_gives_up_where_the_network_swallows_what_is_sent(self) -> None:
        connection.ensure_connection()

        with socket.socket(fileno=socket.dup(connection.connection.fileno())) as its_socket:
            milliseconds = its_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

        assert 0 < milliseconds <= LONGEST_MILLISECONDS

    @pytest.mark.parametrize(
        "name",
        ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"],
    )
    def test_bounds_what_can_wait_in_the_server(self, name: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT setting::int FROM pg_settings WHERE name = %s", [name])
            milliseconds = cursor.fetchone()[0]

        assert 0 < milliseconds <= LONGEST_MILLISECONDS
