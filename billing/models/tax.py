"""Tax rates."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from billing.orm.scoped import Kept


class Tax(Kept):
    """A rate in percent. `applied_by_default` marks what is charged when nothing nearer says otherwise."""

    PREFIX = "tax"

    name = models.CharField(max_length=100)
    code = models.SlugField(max_length=50)
    rate = models.DecimalField(
        max_digits=7, decimal_places=4, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    description = models.CharField(max_length=255, blank=True)
    applied_by_default = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name_plural = "taxes"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code"], condition=Q(deleted_at=None), name="tax_code"
            ),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=100), name="tax_rate_is_a_percentage"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.rate.normalize():f} %)"
