"""Keeps lexemes and vectors in their rows: PostgreSQL moves columns of rows above 2 kB elsewhere,
and fetching them from there again and again took most of a search's time.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=f"ALTER TABLE {table} SET (toast_tuple_target = 8160)",
            reverse_sql=f"ALTER TABLE {table} RESET (toast_tuple_target)",
        )
        for table in ("retrieval_chunk", "retrieval_embedding")
    ]
