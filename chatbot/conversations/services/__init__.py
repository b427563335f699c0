"""What can be done with conversations and turns.

`conversations`: make, change, delete. `turns`: ask, continue, stop, for people. `regenerating`:
another answer. `asking_jobs`: asking and waiting in one request. `claims`: who writes an answer,
for the chat service. `answers`: what is written, under the writer's fence. `question_limit`: how
often somebody may ask. `quotas`: how many tokens a day.
"""

from chatbot.conversations.services.asking_jobs import ask_job, wait_for_answer
from chatbot.conversations.services.conversations import (
    change_conversation,
    create_conversation,
    delete_conversation,
)
from chatbot.conversations.services.regenerating import regenerate
from chatbot.conversations.services.turns import Asked, ask, continue_turn, request_stop

__all__ = [
    "Asked",
    "ask",
    "ask_job",
    "change_conversation",
    "continue_turn",
    "create_conversation",
    "delete_conversation",
    "regenerate",
    "request_stop",
    "wait_for_answer",
]
