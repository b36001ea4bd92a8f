"""Merges of duplicates: what moved, and which fields were chosen."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Scoped


class Merge(Scoped):
    """One merge. `counts` is what moved, by noun; `fields` the chosen values {field: [target's, source's, kept]}."""

    PREFIX = "mrg"

    source = models.OneToOneField("customers.Customer", on_delete=models.PROTECT, related_name="merge")
    target = models.ForeignKey("customers.Customer", on_delete=models.PROTECT, related_name="merges")
    strategy = models.CharField(max_length=12)
    counts = models.JSONField(default=dict)
    fields = models.JSONField(default=dict)
    actor_label = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-at"]

    def __str__(self) -> str:
        return f"{self.source} into {self.target}"


class NotDuplicate(Scoped):
    """Two customers that staff have looked at and found to be different; `first` has the smaller key."""

    PREFIX = "nodup"

    first = models.ForeignKey("customers.Customer", on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey("customers.Customer", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second"], name="not_duplicate_once"),
        ]

    def __str__(self) -> str:
        return f"{self.first} is not {self.second}"
