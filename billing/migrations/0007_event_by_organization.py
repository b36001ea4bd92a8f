from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0006_wallet_limits"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["organization", "id"], name="event_by_organization"),
        ),
    ]
