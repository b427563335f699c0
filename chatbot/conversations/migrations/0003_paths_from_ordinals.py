"""Conversations so far are one path: every message stands behind the one before it."""

from django.db import migrations

PARENTS = """
UPDATE conversations_message AS message SET parent_id = before.id
FROM (
    SELECT own.id AS child, lag(own.id) OVER (
        PARTITION BY own.conversation_id ORDER BY own.ordinal
    ) AS id
    FROM conversations_message AS own
) AS before
WHERE before.child = message.id AND before.id IS NOT NULL
"""
LEAVES = """
UPDATE conversations_conversation AS conversation SET leaf_id = last.id
FROM (
    SELECT DISTINCT ON (conversation_id) conversation_id, id
    FROM conversations_message ORDER BY conversation_id, ordinal DESC
) AS last
WHERE last.conversation_id = conversation.id
"""


class Migration(migrations.Migration):
    dependencies = [("conversations", "0002_branches")]

    operations = [
        migrations.RunSQL(PARENTS, migrations.RunSQL.noop),
        migrations.RunSQL(LEAVES, migrations.RunSQL.noop),
    ]
