import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0006_tokens_by_day"),
        ("documents", "0005_workers_tell_their_walls"),
    ]

    operations = [
        migrations.AlterField(
            model_name="citation",
            name="version",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="documents.documentversion",
            ),
        ),
    ]
