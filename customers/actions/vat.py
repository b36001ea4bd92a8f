"""Checking VAT numbers: what a change of a customer starts, a check on demand, and what an answer does.

Nothing is asked inside a transaction: a pending check is written, VIES is asked without any lock, and the answer is
written under the customer's lock if the check still stands. A customer whose number is known to be valid stays so
while it is asked again; everybody else is pending meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of, lock_present_customer
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from customers.clients.vies import NoAnswer, ViesAnswer, check_number
from customers.models import Customer, VatCheck, VatCheckSource, VatCheckState, VatStatus
from customers.queries.vat import checked_payload
from customers.rules.vat import Reading, asked_of_itself, fault_of, maintenance_end, next_wait, read_number

LEASE = timedelta(minutes=2)  # for whoever asks just now; longer than any question takes
NUMBER = frozenset({"tax_id", "country"})
OTHER = frozenset({"customer_type", "vat_validation_disabled"})
OPEN = [VatCheckState.PENDING.value, VatCheckState.MANUAL.value]


def after_change(
    customer: Customer, changed: Collection[str] | None, *, wish: bool | None = None, by: Actor, at: datetime
) -> None:
    """Called in the transaction that has changed these columns (None: the customer is new). Another number or country
    takes back what was known. Then a check is queued when the number can be asked about, nobody has switched checks
    off, and nothing is known yet or the caller wants it. `wish`: True asks for a check, False refuses one.
    """
    names = NUMBER if changed is None else set(changed)
    other_number = bool(NUMBER & names)
    if not (other_number or OTHER & names or wish) or (changed is None and not customer.tax_id):
        return
    if changed is not None:
        if other_number:
            close(customer, OPEN, "number_changed", at)
            put(customer, VatStatus.UNVALIDATED)
        elif customer.vat_validation_disabled:
            close(customer, [VatCheckState.PENDING.value], "opted_out", at)
    reading = read_number(customer.tax_id, customer.country)
    known = customer.vat_status not in (VatStatus.UNVALIDATED, VatStatus.PENDING)
    if refusal(customer) or not asked_of_itself(reading, customer.customer_type, wish):
        return
    if customer.vat_status != VatStatus.MANUAL and (not known or wish):
        queue(customer, reading, by=by, at=at)


def refusal(customer: Customer) -> str:
    """Why the number may not be checked, as a sentence; empty when it may."""
    if not customer.organization.vat_validation_enabled:
        return "VAT checks are switched off for the organization."
    if customer.vat_validation_disabled:
        return f"VAT checks are switched off for this customer: {customer.vat_validation_disabled_reason}"
    return ""


def window_end(customer: Customer, at: datetime) -> datetime | None:
    """The end of the hours of maintenance when `at` falls in them."""
    organization = customer.organization
    return maintenance_end(at, organization.vat_maintenance_from, organization.vat_maintenance_to)


def queue(customer: Customer, reading: Reading, *, by: Actor, at: datetime) -> VatCheck | None:
    """The open check of a number, made when there is none; None when its form alone shows that it is invalid."""
    if reading.fault:
        close(customer, [VatCheckState.PENDING.value], "number_changed", at)
        settle_by_form(customer, reading, by=by, at=at)
        return None
    over = window_end(customer, at)
    row, _ = VatCheck.objects.get_or_create(
        customer=customer,
        state=VatCheckState.PENDING.value,
        defaults={
            "organization": customer.organization,
            "source": VatCheckSource.VIES.value,
            "number": reading.number,
            "asked_at": at,
            "actor": by.label[:200],
        },
    )
    row.next_at = over or at
    row.fault = "maintenance" if over else row.fault
    row.save()
    if customer.vat_status != VatStatus.VALID:
        put(customer, VatStatus.PENDING)
    return row


def settle_by_form(customer: Customer, reading: Reading, *, by: Actor, at: datetime) -> None:
    """Invalid by its form or check digits. The same finding is written once."""
    number = reading.number[:50]
    last = VatCheck.objects.filter(customer=customer).first()
    same = last is not None and (last.source, last.number) == (VatCheckSource.OFFLINE.value, number)
    if same and customer.vat_status == VatStatus.INVALID:
        return
    row = VatCheck.objects.create(
        organization=customer.organization,
        customer=customer,
        source=VatCheckSource.OFFLINE.value,
        state=VatCheckState.INVALID.value,
        number=number,
        asked_at=at,
        answered_at=at,
        reason=reading.fault,
        actor=by.label[:200],
    )
    conclude(customer, row, VatStatus.INVALID, by=by, at=at)


def verify(customer: Customer, *, by: Actor, at: datetime, timeout: float = 5.0) -> Customer:
    """Ask now, and wait for the answer. Repeating it is harmless: at most one check is open. During maintenance and
    without an answer the check stays pending and is asked again later; a confirmation by hand stands.

    Raises Conflict (409, vat_validation_disabled) when checks are switched off, Invalid without a number of VIES.
    """
    row = begin(customer, by=by, at=at)
    if row is not None:
        settle(row, question(row, timeout=timeout), by=by, at=at)
    found: Customer = Customer.objects.select_related("organization", "billing_entity").get(pk=customer.pk)
    return found


@transaction.atomic
def recheck(customer: Customer, *, by: Actor, at: datetime) -> VatCheck | None:
    """Queue a check for the next round, whatever is known; None when its form settles it or it is confirmed by hand.
    Raises as `verify` does.
    """
    customer = lock_present_customer(customer.pk)
    if reason := refusal(customer):
        raise Conflict(reason, code="vat_validation_disabled")
    reading = read_number(customer.tax_id, customer.country)
    if not reading.number:
        raise Invalid("There is no tax ID to check.", code="no_tax_id", field="tax_id")
    if customer.vat_status == VatStatus.MANUAL:
        return None
    if not reading.asked:
        raise Invalid(fault_of("not_covered").words, code="vat_number_not_covered", field="tax_id")
    return queue(customer, reading, by=by, at=at)


@transaction.atomic
def begin(customer: Customer, *, by: Actor, at: datetime) -> VatCheck | None:
    """The check that is to be asked about at once; None when there is nothing to ask now."""
    row = recheck(customer, by=by, at=at)
    if row is None or window_end(row.customer, at):
        return None
    row.next_at = at + LEASE
    row.save(update_fields=["next_at", "updated_at"])
    return row


def question(check: VatCheck, *, timeout: float) -> ViesAnswer | NoAnswer:
    """Ask VIES, in the name of the customer's billing entity when that has a number of its own."""
    entity = check.customer.billing_entity
    own = read_number(entity.tax_id, entity.country)
    requester = own.number if own.asked and not own.fault else ""
    try:
        return check_number(settings.VIES_URL, check.number, requester, timeout=timeout)
    except NoAnswer as error:
        return error


@transaction.atomic
def settle(check: VatCheck, answer: ViesAnswer | NoAnswer, *, by: Actor, at: datetime) -> None:
    """Write what was answered, unless the check has been overtaken: by another answer, a person, another number."""
    customer = lock_customer_of(check)
    row = VatCheck.objects.locked().get(pk=check.pk)
    if row.state != VatCheckState.PENDING or row.number != check.number:
        return
    if read_number(customer.tax_id, customer.country).number != row.number:
        answer = NoAnswer("number_changed")
    if isinstance(answer, NoAnswer):
        without_answer(customer, row, answer.code, by=by, at=at)
        return
    row.state = VatCheckState.VALID.value if answer.valid else VatCheckState.INVALID.value
    row.source, row.answered_at, row.next_at = VatCheckSource.VIES.value, at, None
    row.attempts += 1
    row.fault = "INVALID_REQUESTER_INFO" if answer.requester_refused else ""
    row.name, row.address, row.reference = answer.name, answer.address, answer.reference
    row.save()
    conclude(customer, row, VatStatus.VALID if answer.valid else VatStatus.INVALID, by=by, at=at)


def without_answer(customer: Customer, row: VatCheck, code: str, *, by: Actor, at: datetime) -> None:
    """Asked again later, or given up when that would not help."""
    row.fault = code[:60]
    row.attempts = min(row.attempts + 1, 30_000)
    if not fault_of(code).final:
        row.next_at = at + next_wait(row.attempts, code)
        row.save()
        return
    row.state, row.next_at, row.answered_at = VatCheckState.FAILED.value, None, at
    row.save()
    kept = customer.vat_status == VatStatus.VALID
    conclude(customer, row, VatStatus.VALID if kept else VatStatus.UNVALIDATED, by=by, at=at)


def conclude(customer: Customer, row: VatCheck, status: VatStatus, *, by: Actor, at: datetime) -> None:
    """The customer's new status, with its audit line and event."""
    before = customer.vat_status
    put(customer, status)
    changes = {"vat_status": (before, status.value), "number": ("", row.number)}
    audit.record(
        customer.organization,
        "customer.vat_checked",
        customer,
        by=by,
        at=at,
        customer=customer,
        changes=changes,
        reason=row.reason,
    )
    emit(
        customer.organization, "customer.vat_checked", customer, checked_payload(customer, row, before), at=at
    )


def put(customer: Customer, status: VatStatus) -> None:
    """Set the status on the row and in memory."""
    if customer.vat_status != status.value:
        customer.vat_status = status.value
        customer.save(update_fields=["vat_status", "updated_at"])


def close(customer: Customer, states: Collection[str], code: str, at: datetime) -> None:
    """Give up an open check. A customer that waited for it is unchecked again."""
    rows = VatCheck.objects.filter(customer=customer, state__in=states).locked()
    for row in rows:
        row.state, row.fault, row.next_at, row.answered_at = VatCheckState.FAILED.value, code, None, at
        row.save()
    if customer.vat_status == VatStatus.PENDING:
        put(customer, VatStatus.UNVALIDATED)
