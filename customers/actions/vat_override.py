"""Confirming a VAT number by hand, for a reason and a time; taking it back; what follows when the time is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from billing.actions import audit
from billing.actions.locks import lock_customer_of, lock_present_customer
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from customers.actions.vat import OPEN, conclude, put
from customers.models import Customer, VatCheck, VatCheckSource, VatCheckState, VatStatus
from customers.rules.values import Refused, text
from customers.rules.vat import read_number

MOST_DAYS = 365
MOST_REASON = 500
SYSTEM = Actor.system("VAT checks")


@transaction.atomic
def override(
    customer: Customer,
    reason: str,
    *,
    days: int | None = None,
    expires_at: datetime | None = None,
    by: Actor,
    at: datetime,
) -> Customer:
    """The number counts as valid until then: so many days, or a moment, else as long as the organization's settings
    say. An open check becomes the confirmation; a second one replaces reason and end of the first.
    """
    customer = lock_present_customer(customer.pk)
    number = read_number(customer.tax_id, customer.country).number
    if not number:
        raise Invalid("There is no tax ID to confirm.", code="no_tax_id", field="tax_id")
    said = clean_reason(reason)
    end = clean_end(customer, days, expires_at, at)
    row = VatCheck.objects.filter(customer=customer, state__in=OPEN).locked().first()
    row = row or VatCheck(organization=customer.organization, customer=customer)
    row.source, row.state = VatCheckSource.MANUAL.value, VatCheckState.MANUAL.value
    row.number, row.reason, row.actor = number[:50], said, by.label[:200]
    row.asked_at, row.answered_at, row.expires_at = at, at, end
    row.next_at, row.fault, row.attempts = None, "", 0
    row.save()
    conclude(customer, row, VatStatus.MANUAL, by=by, at=at)
    return customer


def clean_reason(reason: Any) -> str:
    """One line of 1 to 500 characters."""
    try:
        said = text(reason)
    except Refused as error:
        raise Invalid(str(error), field="reason") from None
    if not said:
        raise Invalid("Say why: the reason is kept.", code="reason_required", field="reason")
    if len(said) > MOST_REASON:
        raise Invalid(f"A reason has at most {MOST_REASON} characters.", field="reason")
    return said


def clean_end(customer: Customer, days: int | None, end: datetime | None, at: datetime) -> datetime:
    """When the confirmation is over: within a year."""
    if days is not None and end is not None:
        raise Invalid("Send days or a moment, not both.", field="expires_at")
    if end is not None:
        if not at < end <= at + timedelta(days=MOST_DAYS):
            raise Invalid("Use a moment within the next 365 days.", field="expires_at")
        return end
    days = customer.organization.vat_override_days if days is None else days
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"Use 1 to {MOST_DAYS} days.", field="ttl_days")
    return at + timedelta(days=days)


@transaction.atomic
def clear_override(customer: Customer, *, by: Actor, at: datetime) -> Customer:
    """Take a confirmation back: its check is pending again and the customer unchecked until the next answer. Nothing
    happens when there is none.
    """
    customer = lock_present_customer(customer.pk)
    row = VatCheck.objects.filter(customer=customer, state=VatCheckState.MANUAL.value).locked().first()
    if row is None:
        return customer
    reopen(row, "override_cleared", at)
    before = customer.vat_status
    put(customer, VatStatus.UNVALIDATED)
    told(customer, before, "customer.vat_override_cleared", by=by, at=at)
    return customer


def expire(where: Q, at: datetime) -> int:
    """Confirmations whose time is over are pending again. Returns how many."""
    rows = VatCheck.objects.filter(where, state=VatCheckState.MANUAL.value, expires_at__lte=at)
    found = list(rows.order_by("expires_at")[:500])
    for row in found:
        demote(row, at)
    return len(found)


@transaction.atomic
def demote(check: VatCheck, at: datetime) -> None:
    """One confirmation whose time is over, unless somebody was quicker."""
    customer = lock_customer_of(check)
    row = VatCheck.objects.locked().get(pk=check.pk)
    if row.state != VatCheckState.MANUAL or row.expires_at is None or row.expires_at > at:
        return
    reopen(row, "override_ended", at)
    before = customer.vat_status
    put(customer, VatStatus.PENDING)
    told(customer, before, "customer.vat_override_ended", by=SYSTEM, at=at)


def reopen(row: VatCheck, code: str, at: datetime) -> None:
    """The confirmation's check waits for VIES; who had confirmed it and why stays with it."""
    row.state, row.source = VatCheckState.PENDING.value, VatCheckSource.VIES.value
    row.next_at, row.answered_at, row.expires_at, row.fault = at, None, None, code
    row.save()


def told(customer: Customer, before: str, action: str, *, by: Actor, at: datetime) -> None:
    """The audit line."""
    audit.record(
        customer.organization,
        action,
        customer,
        by=by,
        at=at,
        customer=customer,
        changes={"vat_status": (before, customer.vat_status)},
    )


@transaction.atomic
def try_now(check: VatCheck, *, at: datetime) -> VatCheck:
    """A waiting check is asked with the next round, whatever its wait was."""
    lock_customer_of(check)
    row: VatCheck = VatCheck.objects.locked().get(pk=check.pk)
    if row.state != VatCheckState.PENDING:
        raise Conflict("This check is no longer waiting.", code="vat_check_closed")
    row.next_at = at
    row.save(update_fields=["next_at", "updated_at"])
    return row
