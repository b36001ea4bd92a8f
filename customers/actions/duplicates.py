"""Remembering which customers look alike and are not the same."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions import audit
from billing.orm.actor import Actor
from billing.rules.errors import Invalid
from customers.models import Customer, NotDuplicate


@transaction.atomic
def keep_apart(first: Customer, second: Customer, *, by: Actor, at: datetime) -> NotDuplicate:
    """The pair is not suggested any more. Twice changes nothing."""
    one, other = in_order(first, second)
    row, new = NotDuplicate.objects.get_or_create(
        first=one, second=other, defaults={"organization": one.organization}
    )
    if new:
        tell("customer.kept_apart", one, other, by=by, at=at)
    return row


@transaction.atomic
def keep_apart_no_more(first: Customer, second: Customer, *, by: Actor, at: datetime) -> None:
    """The pair may be suggested again. Twice changes nothing."""
    one, other = in_order(first, second)
    gone, _ = NotDuplicate.objects.filter(first=one, second=other).delete()
    if gone:
        tell("customer.kept_apart_undone", one, other, by=by, at=at)


def in_order(first: Customer, second: Customer) -> tuple[Customer, Customer]:
    """The smaller key first. Invalid for one customer, or two organizations."""
    if first.pk == second.pk or first.organization_id != second.organization_id:
        raise Invalid("Choose two customers.", field="second")
    one, other = sorted((first, second), key=lambda row: row.pk)
    return one, other


def tell(action: str, one: Customer, other: Customer, *, by: Actor, at: datetime) -> None:
    """A line for each."""
    for row, twin in ((one, other), (other, one)):
        audit.record(row.organization, action, row, by=by, at=at, customer=row, reason=str(twin))
