"""A server of HTTP/2 that says what it is told, frame by frame, after a whole request."""

import asyncio
from collections.abc import Callable

import h2.config
import h2.connection
import h2.events

from tests.fakes.raw_server import Conversation

CHUNK_BYTES = 65536
LINGER_SECONDS = 0.2
Reply = Callable[[h2.connection.H2Connection], None]


def replying(reply: Reply) -> Conversation:
    """For `running_raw_server`; the connection ends a moment after the reply."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        is_asked = False
        while not is_asked and (data := await reader.read(CHUNK_BYTES)):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)
                is_asked = is_asked or isinstance(event, h2.events.StreamEnded)
            writer.write(connection.data_to_send())
        reply(connection)
        writer.write(connection.data_to_send())
        await writer.drain()
        await asyncio.sleep(LINGER_SECONDS)

    return converse
