"""What was said before a question: the path to it, newest messages first in what is read."""

import json
from typing import Any, Final

HISTORY_MESSAGES: Final = 40
"""With text; more don't fit into a prompt."""
MAX_STEPS: Final = 200
"""Up the path, past answers without text."""

RECENT: Final = """
SELECT json_agg(json_build_array(role, text) ORDER BY ordinal) FROM (
    WITH RECURSIVE path AS (
        SELECT first.parent_id, first.role, first.text, first.ordinal, 1 AS steps,
            (first.text <> '')::int AS told
        FROM start JOIN conversations_message AS first ON first.id = start.id
        UNION ALL
        SELECT above.parent_id, above.role, above.text, above.ordinal, path.steps + 1,
            path.told + (above.text <> '')::int
        FROM path JOIN conversations_message AS above ON above.id = path.parent_id
        WHERE path.told < %(history)s AND path.steps < %(steps)s
    ) SELECT role, text, ordinal FROM path WHERE text <> '') AS recent
"""
"""Roles and texts, oldest first, as JSON; needs a table `start` with the `id` to go up from."""
RECENT_BOUNDS: Final = {"history": HISTORY_MESSAGES, "steps": MAX_STEPS}


def recent(value: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - JSON
    """What `RECENT` gives: role and text of messages, oldest first."""
    return tuple((role, text) for role, text in decoded(value) or ())


def decoded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """JSON as the driver gives it to Django: as text."""
    return json.loads(value) if isinstance(value, str) else value
