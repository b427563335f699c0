import chatbot.inference.addresses
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inference", "0005_a_model_writes_titles"),
    ]

    operations = [
        migrations.AlterField(
            model_name="inferenceendpoint",
            name="base_url",
            field=models.CharField(
                help_text="Up to and including /v1, as clients write it; for gRPC, grpc://host:8001.",
                max_length=500,
                validators=[chatbot.inference.addresses.validate_base_url],
                verbose_name="address",
            ),
        ),
        migrations.AlterField(
            model_name="inferenceendpoint",
            name="protocol",
            field=models.CharField(
                choices=[
                    ("openai", "OpenAI"),
                    ("anthropic", "Anthropic Messages"),
                    ("kserve-http", "KServe v2 / Triton, HTTP"),
                    ("kserve-grpc", "KServe v2 / Triton, gRPC"),
                    ("session", "sessions"),
                ],
                default="openai",
                max_length=16,
                verbose_name="protocol",
            ),
        ),
    ]
