"""What is known about VAT numbers: for the customer's page, the settings page, events and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from billing.models import Organization
from customers.models import Customer, VatCheck, VatCheckState, VatStatus
from customers.queries.shapes import VatCheckOut
from customers.rules.vat import Reading, fault_of, maintenance_end, read_number

SHOWN = 10
LOST_SHOWN = 50


@dataclass(frozen=True)
class VatCard:
    """Everything of the card on the Information tab. `check` is the open or else the last check, `answer` the last
    one that VIES answered about this very number; `note` says in words why nothing is asked just now.
    """

    reading: Reading
    check: VatCheck | None
    answer: VatCheck | None
    history: list[VatCheck]
    total: int
    note: str
    fault: str
    same_name: bool

    @property
    def pending(self) -> bool:
        """Whether an answer is awaited."""
        return self.check is not None and self.check.state == VatCheckState.PENDING


def vat_card(customer: Customer, at: datetime) -> VatCard:
    """The card of a customer. Two queries."""
    rows = VatCheck.objects.filter(customer=customer)
    history = list(rows[:SHOWN])
    reading = read_number(customer.tax_id, customer.country)
    current = [row for row in history if row.number == reading.number]
    first = sorted(current, key=lambda row: row.state not in ("pending", "manual"))
    check = first[0] if first else None
    answer = next(
        (row for row in current if row.source == "vies" and row.state in ("valid", "invalid")), None
    )
    names = (customer.legal_name, customer.name)
    return VatCard(
        reading=reading,
        check=check,
        answer=answer,
        history=[worded(row) for row in history],
        total=rows.count() if len(history) == SHOWN else len(history),
        note=note_of(customer, reading, at),
        fault=fault_of(check.fault).words if check and check.fault else "",
        same_name=not answer or not answer.name or plain(answer.name) in {plain(name) for name in names},
    )


def plain(name: str) -> str:
    """A name as it is compared: letters and digits in one case."""
    return "".join(char for char in name.casefold() if char.isalnum())


def worded(row: VatCheck) -> VatCheck:
    """The row with its fault in words as `row.words`."""
    row.words = fault_of(row.fault).words if row.fault else ""  # type: ignore[attr-defined]
    return row


def note_of(customer: Customer, reading: Reading, at: datetime) -> str:
    """Why the number is not checked of itself, or not now; empty when nothing stands in the way."""
    organization = customer.organization
    if not reading.number:
        return "Add a tax ID to have it checked."
    if not organization.vat_validation_enabled:
        return "VAT checks are switched off for the organization."
    if customer.vat_validation_disabled:
        return f"Not checked: {customer.vat_validation_disabled_reason}"
    if not reading.asked:
        return f"{reading.fault} {fault_of('not_covered').words}".strip()
    if customer.customer_type == "consumer" and customer.vat_status == VatStatus.UNVALIDATED:
        return "Numbers of consumers are checked on request only."
    if maintenance_end(at, organization.vat_maintenance_from, organization.vat_maintenance_to):
        return fault_of("maintenance").words
    return ""


def waiting_checks(organization: Organization) -> QuerySet[VatCheck]:
    """Open questions to VIES, the next one first."""
    rows = VatCheck.objects.of(organization).filter(state=VatCheckState.PENDING.value)
    return rows.select_related("customer").order_by("next_at", "pk")


def lost_checks(organization: Organization) -> list[VatCheck]:
    """Customers that remain unchecked because the last check of their number was given up."""
    rows = VatCheck.objects.of(organization).filter(
        state=VatCheckState.FAILED.value,
        fault__in=["INVALID_INPUT", "VAT_BLOCKED"],
        customer__vat_status=VatStatus.UNVALIDATED.value,
        customer__deleted_at=None,
    )
    latest = rows.select_related("customer").order_by("customer_id", "-asked_at").distinct("customer_id")
    return [worded(row) for row in latest[:LOST_SHOWN]]


def counts(organization: Organization) -> dict[str, int]:
    """Customers with a tax ID by VAT status."""
    rows = Customer.objects.of(organization).kept().exclude(tax_id="")
    found: dict[str, int] = rows.aggregate(
        **{status.value: Count("pk", filter=Q(vat_status=status.value)) for status in VatStatus}
    )
    return found


def pending_count(organization: Organization) -> int:
    """How many checks wait for an answer."""
    return waiting_checks(organization).order_by().count()


def check_payload(row: VatCheck) -> VatCheckOut:
    """One check for the API."""
    return {
        "id": row.public_id,
        "provider": row.source,
        "verificationType": "eu_vat",
        "status": row.state,
        "number": row.number,
        "reason": row.reason or None,
        "actor": row.actor or None,
        "askedAt": row.asked_at,
        "verifiedAt": row.answered_at if row.state in ("valid", "invalid", "manual") else None,
        "lastCheckedAt": row.answered_at,
        "nextCheckAt": row.next_at,
        "expiresAt": row.expires_at,
        "attempts": row.attempts,
        "fault": row.fault or None,
        "faultMessage": fault_of(row.fault).words if row.fault else None,
        "name": row.name or None,
        "address": row.address or None,
        "providerReference": row.reference or None,
    }


def checked_payload(customer: Customer, row: VatCheck, before: str) -> dict[str, Any]:
    """The data of `customer.vat_checked`."""
    return {
        "customerId": customer.public_id,
        "externalId": customer.external_id,
        "from": before,
        "to": customer.vat_status,
        "verification": check_payload(row),
    }
