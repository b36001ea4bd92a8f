"""Counters that hand out document numbers without a gap."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import Scoped


class Numbered(models.Model):
    """A document with a place in a series: `series` is its counter's key, `series_number` its place, both empty until
    it is issued. A table of such documents has a unique index over (organization, series, series_number), and a line
    in `invoicing/queries/series.py`, by which the proof of numbers finds it.
    """

    series = models.CharField(max_length=120, blank=True, default="", db_default="", editable=False)
    series_number = models.PositiveBigIntegerField(null=True, editable=False)

    class Meta:
        abstract = True


class Sequence(Scoped):
    """The first and the last number of one series. Locked, raised and used in the transaction that issues the
    document, so a rollback gives the number back: never MAX()+1, never a gap.
    """

    PREFIX = "seq"

    key = models.CharField(max_length=120)
    first = models.PositiveBigIntegerField(default=1, db_default=1)
    last = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "key"], name="one_counter_per_series"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.last}"
