"""What customers still have to pay, added up: kept by the database whenever an invoice changes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Case, DecimalField, F, Q, Value, When
from django.db.models.functions import Cast

from billing.orm.fields import CurrencyField
from billing.orm.scoped import ScopedQuerySet
from billing.rules.money import EXPONENTS


def in_major_units(minor: F) -> Case:
    """An amount as people write it, exactly: 1234 EUR is 12.34, 1234 JPY is 1234."""
    codes: dict[int, list[str]] = {}
    for code, digits in sorted(EXPONENTS.items()):
        codes.setdefault(digits, []).append(code)
    usual = EXPONENTS["EUR"]
    exact = Cast(minor, DecimalField(max_digits=24, decimal_places=4))
    whens = [
        When(currency__in=codes[digits], then=exact / Value(10**digits))
        for digits in sorted(codes)
        if digits != usual
    ]
    return Case(
        *whens, default=exact / Value(10**usual), output_field=DecimalField(max_digits=24, decimal_places=4)
    )


class Outstanding(models.Model):
    """The sum of a customer's unpaid invoices in a currency; zero once all are paid, no row before the first.

    Only the triggers on invoices write here (migration 0007), so that the customers list finds who owes between two
    amounts without adding up everybody's invoices. Pages about one customer add up the invoices themselves.
    No foreign key is checked: the invoices' own are.
    """

    pk = models.CompositePrimaryKey("customer_id", "currency")
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
    currency = CurrencyField()
    due_minor = models.BigIntegerField()
    amount = models.GeneratedField(
        expression=in_major_units(F("due_minor")),
        output_field=DecimalField(max_digits=24, decimal_places=4),
        db_persist=True,
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "amount"],
                include=["customer", "currency"],
                condition=Q(due_minor__gt=0),
                name="outstanding_by_amount",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
