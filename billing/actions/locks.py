"""Locks, always in one order: the customer, then other rows by primary key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.apps import apps


def lock_customer(customer_id: UUID) -> Any:
    """The customer's row, locked until the transaction ends. Everything that spends a balance, a coupon or a
    credit of the customer takes it first, so two invoices can never use the same cent.
    """
    customers = apps.get_model("customers", "Customer")
    return customers.objects.select_for_update(of=("self",)).get(pk=customer_id)
