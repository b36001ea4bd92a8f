"""Days long ago are found under millions of newer events."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("billing", "0021_api_rate_limits")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="event",
            index=BrinIndex(fields=["timestamp"], name="event_by_time", autosummarize=True),
        ),
    ]
