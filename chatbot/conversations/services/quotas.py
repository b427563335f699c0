"""How many tokens a person, or an API key, may use in a day. Days begin at midnight UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from django.conf import settings
from django.utils import timezone

from chatbot.contracts.errors import LimitReached

USED: Final = """
(SELECT json_build_array(person.tokens_per_day, used.tokens)
    FROM accounts_user AS person LEFT JOIN conversations_dailytokens AS used
        ON used.user_id = person.id AND used.api_key_id IS NULL
        AND used.day = (statement_timestamp() AT TIME ZONE 'UTC')::date
    WHERE person.id = %(user)s),
(SELECT json_build_array(key.tokens_per_day, used.tokens)
    FROM accounts_apikey AS key LEFT JOIN conversations_dailytokens AS used
        ON used.user_id = key.user_id AND used.api_key_id = key.id
        AND used.day = (statement_timestamp() AT TIME ZONE 'UTC')::date
    WHERE key.id = %(key)s)
"""
"""Two columns for the statement that stands before every question: the person's, and the key's."""
COUNT: Final = """
INSERT INTO conversations_dailytokens AS known (user_id, api_key_id, day, tokens)
SELECT conversation.user_id, key.id, (statement_timestamp() AT TIME ZONE 'UTC')::date, %(tokens)s
FROM ended
JOIN conversations_conversation AS conversation ON conversation.id = ended.conversation_id
JOIN LATERAL (
    SELECT NULL::uuid AS id UNION ALL SELECT ended.api_key_id WHERE ended.api_key_id IS NOT NULL
) AS key ON %(tokens)s > 0
ON CONFLICT (user_id, api_key_id, day) DO UPDATE SET tokens = known.tokens + excluded.tokens
"""
"""Adds to what the person, and the key that asked, have used today; needs a table `ended` with the
`conversation_id` and `api_key_id` of a turn."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What somebody has used today, and how much they may."""

    tokens_per_day: int
    """0: no limit."""
    used: int

    @property
    def is_used_up(self) -> bool:
        return 0 < self.tokens_per_day <= self.used


@dataclass(frozen=True, slots=True)
class Quotas:
    person: Quota
    key: Quota | None
    """None: no API key asks."""


def quotas_of(person: list[int | None], key: list[int | None] | None) -> Quotas:
    """From the columns of `USED`; what a row leaves empty is as the settings say."""
    return Quotas(
        person=_quota(person, settings.TOKENS_PER_DAY),
        key=_quota(key, settings.KEY_TOKENS_PER_DAY) if key else None,
    )


def check_quotas(quotas: Quotas) -> None:
    """Raises LimitReached: `quota-exceeded`, until midnight UTC."""
    if quotas.person.is_used_up:
        raise _exceeded("You have", quotas.person)
    if quotas.key is not None and quotas.key.is_used_up:
        raise _exceeded("This API key has", quotas.key)


def _quota(found: list[int | None], default: int) -> Quota:
    own, used = found
    return Quota(tokens_per_day=default if own is None else own, used=used or 0)


def _exceeded(who: str, quota: Quota) -> LimitReached:
    now = timezone.now().astimezone(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return LimitReached(
        f"{who} used the {quota.tokens_per_day} tokens of this day.",
        code="quota-exceeded",
        way_out=f"Ask again after {midnight:%Y-%m-%d %H:%M} UTC, or ask an administrator for more.",
        retry_after_seconds=max(1, int((midnight - now).total_seconds())),
    )
