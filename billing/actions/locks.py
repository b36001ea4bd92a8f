"""Locks, always in one order: the customer, then other rows by primary key.

The locks of customers and subscriptions are `FOR NO KEY UPDATE`: they keep out everyone who locks or changes the row,
but not a foreign key that only asks whether it is there. An event is stored while its subscription is being billed.
Whoever gives a customer something new must therefore take the lock itself (`lock_present_customer`).
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import QuerySet

from billing.models import Organization
from billing.orm.compiled import Compiled
from billing.orm.scoped import Scoped
from billing.rules.errors import Conflict
from billing.rules.ids import decode


def lock_customer(customer_id: UUID, *, wait: bool = True, joined: bool = True) -> Any:
    """The customer's row, locked until the transaction ends. Everything that spends a balance, a coupon or
    a credit of the customer takes it first, so two invoices can never use the same cent. `wait=False`: None
    when somebody else holds it. `joined`: with organization and billing entity.
    """
    asked = LOCKING[wait, joined]
    return asked.get(customer_id) if wait else next(asked.rows(customer_id), None)


def locking(customer_id: UUID, *, wait: bool, joined: bool) -> QuerySet[Any]:
    """`lock_customer` as a query."""
    rows = apps.get_model("customers", "Customer").objects.filter(pk=customer_id)
    if joined:
        rows = rows.select_related("billing_entity", "organization")
    return rows.select_for_update(of=("self",), no_key=True, skip_locked=not wait)


# Every act on a customer begins with one of them.
LOCKING = {
    (wait, joined): Compiled(partial(locking, wait=wait, joined=joined), UUID)
    for wait in (True, False)
    for joined in (True, False)
}


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


@lru_cache(maxsize=1)
def tables() -> dict[str, Any]:
    """{prefix of an id: its table}."""
    return {model.PREFIX: model for model in apps.get_models() if issubclass(model, Scoped) and model.PREFIX}


def lock_object(organization: Organization, public_id: str) -> None:
    """Lock the row that an id stands for until the transaction ends, after the customer that it belongs to. Without
    an id, or for the organization's own, the organization's row.
    """
    model = tables().get(public_id.rpartition("_")[0])
    key = decode(model.PREFIX, public_id) if model else None
    if model is None or key is None:
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        return
    rows = model.objects.of(organization).filter(pk=key)
    try:
        model._meta.get_field("customer")
    except FieldDoesNotExist:
        pass
    else:
        owner = rows.values_list("customer_id", flat=True).first()
        if owner is not None:
            lock_customer(owner, joined=False)
    list(rows.locked(no_key=True).values_list("pk"))
