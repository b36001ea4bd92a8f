"""Numbers and days among the customers' own fields, in a shape that an index finds between two bounds."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.orm.scoped import ScopedQuerySet


class OwnValue(models.Model):
    """A number or a day (YYYY-MM-DD) that stands in `Customer.custom_fields` under `code`, as JSON.

    Only the trigger on customers writes here (migration 0006). No foreign key is checked: the customer's row is there
    because the trigger belongs to it.
    """

    pk = models.CompositePrimaryKey("customer_id", "code")
    organization = models.ForeignKey(
        "billing.Organization",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    customer = models.ForeignKey(
        "customers.Customer",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    code = models.CharField(max_length=50)
    value = models.JSONField()

    objects = ScopedQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["organization", "code", "value", "customer"], name="own_value_between"),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.value}"
