"""Lists that were asked for as files over the API."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from billing.orm.scoped import Scoped


class Export(Scoped):
    """A file of some rows: `content` says of which list and how, `keys` which rows, fixed when it was asked for and
    emptied when it is written. The file is kept until `file_expires_at`.
    """

    PREFIX = "exp"

    content = models.CharField(max_length=30)
    filters = models.JSONField(default=dict)
    keys = ArrayField(models.UUIDField(), default=list)
    rows = models.PositiveIntegerField()
    actor_label = models.CharField(max_length=200)
    file = models.FileField(upload_to="exports/", blank=True, max_length=255)
    file_bytes = models.PositiveBigIntegerField(default=0)
    file_expires_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-created_at"], name="export_list"),
            models.Index(fields=["file_expires_at"], condition=~Q(file=""), name="export_files"),
        ]

    def __str__(self) -> str:
        return self.content
