import socket

import pytest

from chatbot.embedded import ports
from chatbot.embedded.errors import StartRefused
from chatbot.embedded.start import PORT_NAMES
from tests.servers import free_port


class TestRequireFree:
    def test_names_the_program_that_has_the_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            with pytest.raises(StartRefused, match=r"\(process \d+\) listens there") as refusal:
                ports.require_free("127.0.0.1", port)

        assert f"make up PORT={port + 1}" in refusal.value.way_out

    def test_says_when_the_address_is_not_of_this_machine(self) -> None:
        with pytest.raises(StartRefused, match=r"on 192\.0\.2\.1 can't be used"):
            ports.require_free("192.0.2.1", 8080)

    def test_takes_a_free_one(self) -> None:
        ports.require_free("127.0.0.1", free_port())


class TestInternal:
    @pytest.mark.parametrize("front", [1, 80, 8080, 8199, 20800, 65535])
    def test_are_different_and_below_the_ephemeral_ones(self, front: int) -> None:
        chosen = ports.internal(front, PORT_NAMES)

        assert len({*chosen.values(), front}) == len(PORT_NAMES) + 1
        assert all(1024 < port < 32768 for port in chosen.values())

    def test_go_around_what_is_taken(self) -> None:
        wanted = ports.internal(8198, PORT_NAMES)["postgres"]

        with socket.create_server(("127.0.0.1", wanted)):
            chosen = ports.internal(8198, PORT_NAMES)

        assert wanted not in chosen.values()

    def test_are_the_same_next_time(self) -> None:
        assert ports.internal(8197, PORT_NAMES) == ports.internal(8197, PORT_NAMES)
