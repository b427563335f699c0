"""Where somebody may begin to read a turn."""

from dataclasses import dataclass
from uuid import UUID

from chat_service.database import in_database
from chat_service.replay import has_seen_end
from chat_service.replica import Replica
from chatbot.contracts.events import EPOCH_STRIDE
from chatbot.conversations.models import TERMINAL_TURN_STATES
from chatbot.conversations.selectors import get_progress


@dataclass(frozen=True, slots=True)
class Start:
    """Events after `after`; `is_over`: the reader has seen the end."""

    after: int
    is_over: bool


async def find_start(replica: Replica, *, user_id: UUID, turn_id: UUID, after: int) -> Start:
    """`start_of`, which isn't asked for what is written here.

    Raises:
        NotFound: no such turn, or somebody else's.
        Unavailable: the database is away.
    """
    here = replica.start_for(user_id, turn_id, after=after)
    if here is not None:
        return Start(here, is_over=False)
    return await in_database(start_of, user_id=user_id, turn_id=turn_id, after=after)


def start_of(*, user_id: UUID, turn_id: UUID, after: int) -> Start:
    """The reader's place in one of the person's turns.

    While an answer is written, earlier epochs are left out: `turn.resumed` holds what stands, and
    an answer that goes on has ended once before.

    Raises:
        NotFound: no such turn, or somebody else's.
    """
    turn = get_progress(user_id=user_id, turn_id=turn_id)
    if turn.state in TERMINAL_TURN_STATES:
        return Start(after, is_over=has_seen_end(turn, after=after))
    return Start(max(after, turn.epoch * EPOCH_STRIDE), is_over=False)
