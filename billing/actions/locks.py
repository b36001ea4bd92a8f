"""Locks, always in one order: the customer, then other rows by primary key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.apps import apps


def lock_customer(customer_id: UUID, *, wait: bool = True) -> Any:
    """The customer's row, locked until the transaction ends. Everything that spends a balance, a coupon or
    a credit of the customer takes it first, so two invoices can never use the same cent. `wait=False`: None
    when somebody else holds it.
    """
    customers = apps.get_model("customers", "Customer")
    rows = customers.objects.select_related("billing_entity", "organization")
    if wait:
        return rows.select_for_update(of=("self",)).get(pk=customer_id)
    return rows.select_for_update(of=("self",), skip_locked=True).filter(pk=customer_id).first()
