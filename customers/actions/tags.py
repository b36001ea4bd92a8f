"""Which tags a customer has. The tags themselves: `tag_list.py`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_present_customer
from billing.orm.actor import Actor
from billing.rules.errors import Invalid
from customers.actions.customers import save, told
from customers.models import Customer, Tag
from customers.queries.tags import names_of
from customers.rules.fields import MAX_TAGS


@transaction.atomic
def set_tags(customer: Customer, ids: Iterable[UUID], *, by: Actor, at: datetime) -> Customer:
    """The customer has exactly these tags afterwards. What it has already writes nothing."""
    customer = lock_present_customer(customer.pk)
    return write(customer, list(dict.fromkeys(ids)), by=by, at=at)


@transaction.atomic
def add_tags(customer: Customer, ids: Iterable[UUID], *, by: Actor, at: datetime) -> Customer:
    """The customer has these tags too."""
    customer = lock_present_customer(customer.pk)
    return write(customer, list(dict.fromkeys([*customer.tag_ids, *ids])), by=by, at=at)


@transaction.atomic
def remove_tags(customer: Customer, ids: Iterable[UUID], *, by: Actor, at: datetime) -> Customer:
    """The customer no longer has these tags."""
    customer, gone = lock_present_customer(customer.pk), set(ids)
    return write(customer, [key for key in customer.tag_ids if key not in gone], by=by, at=at)


def write(customer: Customer, ids: list[UUID], *, by: Actor, at: datetime) -> Customer:
    """The tags of a locked customer, with audit line and event when they differ."""
    if set(ids) == set(customer.tag_ids):
        return customer
    new = set(ids) - set(customer.tag_ids)
    if Tag.objects.of(customer.organization).filter(pk__in=new).count() != len(new):
        raise Invalid("There is no such tag.", code="unknown", field="tags")
    if len(ids) > MAX_TAGS:
        raise Invalid(f"A customer has at most {MAX_TAGS} tags.", field="tags")
    changes = {"tags": (names_of(customer.tag_ids), names_of(ids))}
    customer.tag_ids = ids
    save(customer)
    audit.record(
        customer.organization, "customer.updated", customer, by=by, at=at, changes=changes, customer=customer
    )
    told("customer.updated", customer, at=at)
    return customer
