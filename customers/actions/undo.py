"""Taking back a change of a customer: what an entry of the trail says it was before, it is again.

Only fields whose old value the trail holds in full can go back; another issuer or other taxes cannot. When one of
them was changed again since, nothing is taken back at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_present_customer
from billing.models import AuditEntry
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from billing.rules.money import from_minor
from customers.actions.customers import update_customer
from customers.models import Customer
from customers.queries.tags import names_of
from customers.rules.fields import AMOUNTS, NAMES

CHANGES = ("customer.updated", "customer.type_changed", "customer.mode_changed")
BY_KEY = ("tax_identifiers", "custom_fields")  # an update changes single keys of these
COLUMNS = {column: name for name, column in AMOUNTS.items()}
RETURNABLE = NAMES | {*COLUMNS, "custom_fields"}


def last_change(customer: Customer, *, by: Actor, at: datetime) -> AuditEntry | None:
    """The entry of what this person has just changed; None when nothing differed or when it cannot go back."""
    mine = AuditEntry.objects.filter(subject_id=customer.pk, at=at, actor_user=by.user_id, action__in=CHANGES)
    found: AuditEntry | None = mine.order_by("-id").first()
    return found if found and returnable(found) else None


def returnable(entry: AuditEntry) -> bool:
    """Whether the trail holds all that the change has replaced."""
    return entry.action in CHANGES and bool(entry.changes) and RETURNABLE.issuperset(entry.changes)


@transaction.atomic
def take_back(customer: Customer, entry: AuditEntry, *, by: Actor, at: datetime) -> Customer:
    """Set the old values again. Conflict when the entry cannot go back or a value is another one by now."""
    customer = lock_present_customer(customer.pk)
    if entry.subject_id != customer.pk or not returnable(entry):
        raise Conflict("This change cannot be taken back.", code="not_undoable")
    if any(now_of(customer, name) != new for name, (_, new) in entry.changes.items()):
        raise Conflict("It was changed again meanwhile. Nothing was taken back.", code="changed_since")
    reason = f"Taken back: {entry.reason}"[:500] if entry.reason else "Taken back"
    return update_customer(
        customer, old_values(customer, entry.changes), reason=reason, flip_mode=True, by=by, at=at
    )


def now_of(customer: Customer, name: str) -> Any:
    """A value as the trail writes it."""
    return audit.plain(names_of(customer.tag_ids) if name == "tags" else getattr(customer, name))


def old_values(customer: Customer, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values before, as `update_customer` takes them: amounts in major units of the currency of then, keys that
    came with the change as None.
    """
    currency = changes["currency"][0] if "currency" in changes else customer.currency
    values: dict[str, Any] = {}
    for name, (old, new) in changes.items():
        if name in COLUMNS:
            values[COLUMNS[name]] = None if old is None else from_minor(old, currency)
        elif name in BY_KEY:
            values[name] = {**dict.fromkeys(new), **old}
        else:
            values[name] = old
    return values
