"""One-off invoices: lines typed by hand or taken from an add-on. Taxed like the customer; no coupons, credit notes or
wallet credits; what the customer owes on a wallet is collected by an invoice of its own when one is issued.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of, lock_present_customer
from billing.models import AddOn
from billing.models import Tax as TaxRow
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone
from billing.rules.errors import BillingError, Conflict, FieldErrors, Invalid
from billing.rules.money import exponent
from billing.rules.periods import local_date
from billing.rules.tax import REVERSE_CHARGE
from invoicing.actions.announcing import announce
from invoicing.actions.draft import lock_draft, payment_term
from invoicing.actions.issuing import issue
from invoicing.actions.rows import write_rows
from invoicing.actions.wallet_settling import collect_debts
from invoicing.models import Invoice, InvoiceType
from invoicing.queries.credits import credits_of
from invoicing.queries.rates import Rates, fact
from invoicing.rules.lines import Line, LineFacts, one_off_line
from invoicing.rules.totals import compute_totals

MOST_ITEMS = 200
MOST_UNITS = Decimal(10) ** 15
MOST_AMOUNT = Decimal(10) ** 12


@dataclass(frozen=True)
class Item:
    """A line to bill: `units` x `unit_amount` (major units); with an add-on it has that one's taxes."""

    description: str
    unit_amount: Decimal
    units: Decimal = Decimal(1)
    add_on: AddOn | None = None


@transaction.atomic
def create_one_off(
    customer: Any,
    items: Sequence[Item],
    *,
    finalize: bool = False,
    due_on: date | None = None,
    notes: str = "",
    purchase_order: str = "",
    taxes: Sequence[TaxRow] | None = None,
    metadata: dict[str, Any] | None = None,
    by: Actor,
    at: datetime,
) -> Invoice:
    """A draft that waits until somebody finalises it, or with `finalize` an issued invoice.

    `taxes`: those to apply; None: the add-on's, else the customer's, else the default ones; an empty list: none.
    Reverse charge, where it applies, stands above them. Raises FieldErrors naming `items[0].units` and the like. A
    past `due_on` is allowed: invoices are entered later.
    """
    customer = lock_present_customer(customer.pk)
    tz = customer_zone(customer)
    today = local_date(at, tz)
    lines = item_lines(items, customer, taxes)
    invoice = Invoice.objects.create(
        organization=customer.organization,
        billing_entity=customer.billing_entity,
        customer=customer,
        type=InvoiceType.ONE_OFF.value,
        currency=customer.currency,
        timezone=tz,
        locale=customer.locale or customer.billing_entity.locale,
        issuing_on=today,
        due_on=due_on,
        customer_name=customer.display_name,
        net_payment_term_days=payment_term(customer),
        notes=notes.strip(),
        purchase_order=purchase_order.strip(),
        metadata=metadata or {},
    )
    write_rows(invoice, lines, compute_totals(lines, currency=invoice.currency), fresh=True)
    invoice.save()
    audit.record(
        invoice.organization,
        "invoice.created",
        invoice,
        by=by,
        at=at,
        customer=customer,
        changes={"total_minor": (None, invoice.total_minor)},
    )
    announce(invoice, "invoice.created", at=at)
    if not finalize:
        return invoice
    if credits_of(customer.pk, invoice.currency).wallets:
        collect_debts(customer, invoice.currency, by=by, at=at)
    return issue(invoice, customer, by=by, at=at)


def item_lines(items: Sequence[Item], customer: Any, taxes: Sequence[TaxRow] | None) -> list[Line]:
    """The priced lines; all faults of all items at once."""
    if not items:
        raise Invalid("Add at least one item.", field="items")
    if len(items) > MOST_ITEMS:
        raise Invalid(f"At most {MOST_ITEMS} items fit on an invoice.", field="items")
    rates = Rates(customer.organization_id)
    said = None if taxes is None else tuple(fact(tax) for tax in taxes)
    if rates.of_customer(customer.pk) == (REVERSE_CHARGE,):
        said = (REVERSE_CHARGE,)
    lines, faults = [], []
    for index, item in enumerate(items):
        found = item_faults(item, customer.currency)
        if not found:
            key = item.add_on.pk if item.add_on else None
            facts = LineFacts(
                description=item.description.strip(),
                currency=customer.currency,
                taxes=rates.of_add_on(key, customer.pk) if said is None else said,
                add_on_id=str(key) if key else None,
            )
            try:
                lines.append(one_off_line(facts, item.units, item.unit_amount))
            except BillingError as error:
                found = [(error.field or "", str(error))]
        faults += [(f"items[{index}].{name}", text) for name, text in found]
    if faults:
        raise FieldErrors(faults)
    return lines


def item_faults(item: Item, currency: str) -> list[tuple[str, str]]:
    """What is wrong with an item, as (field, message)."""
    faults = []
    if item.add_on is not None and item.add_on.deleted_at is not None:
        faults.append(("add_on", "This add-on has been deleted."))
    if not item.description.strip():
        faults.append(("description", "Say what is billed."))
    if len(item.description) > 1000:
        faults.append(("description", "Use at most 1,000 characters."))
    if not item.units.is_finite() or item.units <= 0 or item.units >= MOST_UNITS:
        faults.append(("units", "Must be more than 0."))
    if not item.unit_amount.is_finite() or item.unit_amount < 0 or item.unit_amount >= MOST_AMOUNT:
        faults.append(("unit_amount", f"Must be 0 or more and less than {MOST_AMOUNT:,}."))
    elif too_fine(item.unit_amount, 15) or too_fine(item.units, 15):
        faults.append(("unit_amount", "Use at most 15 decimals."))
    elif not faults and item.units * item.unit_amount >= MOST_AMOUNT * 10 ** (2 - min(exponent(currency), 2)):
        faults.append(("unit_amount", "The line's amount is too large."))
    return faults


def too_fine(value: Decimal, places: int) -> bool:
    """Whether a number has more decimals than can be stored."""
    return value.is_finite() and -int(value.as_tuple().exponent) > places


@transaction.atomic
def delete_draft(invoice: Invoice, *, by: Actor, at: datetime) -> None:
    """Remove a one-off draft. That of a subscription stays (Conflict): it stands for a billed period."""
    customer = lock_customer_of(invoice)
    invoice = lock_draft(invoice)
    if invoice.type != InvoiceType.ONE_OFF.value:
        raise Conflict("Only one-off drafts can be deleted.", code="draft_of_subscription")
    audit.record(invoice.organization, "invoice.deleted", invoice, by=by, at=at, customer=customer)
    announce(invoice, "invoice.deleted", at=at)
    invoice.delete()
