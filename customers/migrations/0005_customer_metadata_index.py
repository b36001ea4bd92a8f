from django.contrib.postgres.indexes import GinIndex
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_note_deleted"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="customer",
            index=GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"], name="customer_by_metadata"),
        ),
    ]
