"""Locks, always in one order: the customer, then other rows by primary key.

The locks of customers and subscriptions are `FOR NO KEY UPDATE`: they keep out everyone who locks or changes the row,
but not a foreign key that only asks whether it is there. An event is stored while its subscription is being billed.
Whoever gives a customer something new must therefore take the lock itself (`lock_present_customer`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.apps import apps

from billing.orm.compiled import Compiled
from billing.rules.errors import Conflict


def lock_customer(customer_id: UUID, *, wait: bool = True, joined: bool = True) -> Any:
    """The customer's row, locked until the transaction ends. Everything that spends a balance, a coupon or
    a credit of the customer takes it first, so two invoices can never use the same cent. `wait=False`: None
    when somebody else holds it. `joined`: with organization and billing entity.
    """
    customers = apps.get_model("customers", "Customer")
    rows = customers.objects.select_related("billing_entity", "organization") if joined else customers.objects
    if wait:
        return rows.select_for_update(of=("self",), no_key=True).get(pk=customer_id)
    if joined:
        return unless_held(rows).filter(pk=customer_id).first()
    return next(FREE.rows(customer_id), None)


def unless_held(rows: Any) -> Any:
    """Locked rows without those that somebody else holds."""
    return rows.select_for_update(of=("self",), no_key=True, skip_locked=True)


FREE = Compiled(
    lambda key: unless_held(apps.get_model("customers", "Customer").objects).filter(pk=key),
    UUID,
)


def lock_customer_of(row: Any, *, wait: bool = True, joined: bool = True) -> Any:
    """As `lock_customer`, for the customer that a row belongs to. When that was merged between reading the row and
    getting the lock, the row belongs to the customer it was merged into by now, and that one is locked.
    """
    customer = lock_customer(row.customer_id, wait=wait, joined=joined)
    while customer is not None and customer.merged_into_id is not None:
        customer = lock_customer(customer.merged_into_id, wait=wait, joined=joined)
    return customer


def lock_present_customer(customer_id: UUID) -> Any:
    """As `lock_customer`, for what gives the customer something new: Conflict (customer_deleted) once its
    deletion has been asked for, since the cascade would miss what comes after it.
    """
    customer = lock_customer(customer_id)
    if customer.deleted_at or customer.deleting_at:
        raise Conflict("This customer is deleted.", code="customer_deleted")
    return customer
