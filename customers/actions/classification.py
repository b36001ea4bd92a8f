"""Changes that decide how a customer is billed from now on: type, mode, payment providers.

Type and mode look forward: issued invoices stay, no balance moves, and each says why. A flip to what already is does
nothing and needs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.orm.actor import Actor
from billing.rules.errors import FieldErrors, Invalid
from customers.actions.customers import update_customer
from customers.models import Customer
from customers.rules.fields import clean_fields
from customers.rules.values import Refused, text

PROVIDER_FIELDS = frozenset({"preferred_provider", "disabled_providers"})


@transaction.atomic
def change_type(customer: Customer, kind: str, *, reason: str, by: Actor, at: datetime) -> Customer:
    """Business, consumer or unknown, with a reason. Emits `customer.type_changed`, which names the invoices that may
    have to be corrected (`queries/classification.py`).
    """
    return flip(customer, "customer_type", kind, reason, by=by, at=at)


@transaction.atomic
def change_mode(customer: Customer, mode: str, *, reason: str, by: Actor, at: datetime) -> Customer:
    """Prepaid or postpaid, with a reason. All wallets of the customer follow, since the mode is read from it."""
    return flip(customer, "mode", mode, reason, by=by, at=at)


def flip(customer: Customer, name: str, value: str, reason: str, *, by: Actor, at: datetime) -> Customer:
    """Set a column for a reason; none is needed when nothing changes."""
    new = clean_fields({name: value})[name]
    said = clean_reason(reason)
    if new != getattr(customer, name) and not said:
        raise Invalid("Say why: the reason is kept in the log.", code="reason_required", field="reason")
    return update_customer(customer, {name: new}, reason=said, flip_mode=True, by=by, at=at)


def clean_reason(reason: Any) -> str:
    """One line of at most 500 characters."""
    try:
        said = text(reason)
    except Refused as error:
        raise Invalid(str(error), field="reason") from None
    if len(said) > 500:
        raise Invalid("A reason has at most 500 characters.", field="reason")
    return said


def change_providers(customer: Customer, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Customer:
    """The preferred payment provider, the disabled ones, or both."""
    unknown = sorted(set(changes) - PROVIDER_FIELDS)
    if unknown:
        raise FieldErrors([(name, "Only payment providers change here.") for name in unknown])
    return update_customer(customer, changes, by=by, at=at)
