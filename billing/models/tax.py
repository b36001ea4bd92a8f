"""Tax rates."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from billing.orm.scoped import Kept
from billing.rules.tax_category import LABELS, Category


class Tax(Kept):
    """A rate in percent. `applied_by_default` marks what is charged when nothing nearer says otherwise. `category`:
    what it is in law, empty for what the rate says; `exemption_*`: why nothing is charged (`rules/tax_category.py`).
    """

    PREFIX = "tax"

    name = models.CharField(max_length=100)
    code = models.SlugField(max_length=50)
    rate = models.DecimalField(
        max_digits=7, decimal_places=4, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    description = models.CharField(max_length=255, blank=True)
    category = models.CharField(
        max_length=2, blank=True, choices=[(kind.value, LABELS[kind]) for kind in Category]
    )
    exemption_code = models.CharField(max_length=60, blank=True)
    exemption_reason = models.CharField(max_length=255, blank=True)
    applied_by_default = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name_plural = "taxes"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "code"], condition=Q(deleted_at=None), name="tax_code"
            ),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=100), name="tax_rate_is_a_percentage"),
            models.CheckConstraint(
                condition=Q(category="")
                | Q(category="S", rate__gt=0)
                | ~Q(category__in=["", "S"]) & Q(rate=0),
                name="tax_category_fits_its_rate",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.rate.normalize():f} %)"
