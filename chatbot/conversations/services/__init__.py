"""What can be done with conversations and turns.

`conversations`: make, rename, delete. `turns`: ask, continue, stop, for people. `claims`: who
writes an answer, for the chat service. `answers`: what is written, under the writer's fence.
`question_limit`: how often somebody may ask.
"""

from chatbot.conversations.services.conversations import (
    create_conversation,
    delete_conversation,
    rename_conversation,
)
from chatbot.conversations.services.turns import Asked, ask, continue_turn, request_stop

__all__ = [
    "Asked",
    "ask",
    "continue_turn",
    "create_conversation",
    "delete_conversation",
    "rename_conversation",
    "request_stop",
]
