"""Drafts: the lines, coupons and taxes of an invoice as they stand now.

A draft shows its lines, a preview of the coupons and the taxes. Coupons are used up, and credit notes and
wallet credits taken, only when it is finalised: until then two drafts may show the same coupon. Making,
refreshing and finalising compute with the same two functions, `window_lines` and `compute_totals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.wallet_watch import looking_again
from billing.orm.actor import Actor
from billing.orm.compiled import Compiled
from billing.orm.writing import Part, inserted, stored, write
from billing.queries.coupons import facts as coupon_facts
from billing.queries.coupons import usable_coupons
from billing.queries.schedules import customer_zone
from billing.queries.versions import book_of
from billing.rules.errors import Invalid
from billing.rules.periods import local_date, start_of_day
from invoicing.actions.announcing import announce
from invoicing.actions.rows import write_rows
from invoicing.actions.second_looks import reading
from invoicing.models import Invoice, InvoicedPeriod, InvoiceType
from invoicing.queries.facts import Window, window_lines, windows_of
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line
from invoicing.rules.states import InvoiceStatus
from invoicing.rules.totals import compute_totals


def make_draft(
    customer: Any, windows: Sequence[Window], *, at: datetime, by: Actor, rates: Rates | None = None
) -> Invoice | None:
    """A draft for these windows of the customer's subscriptions, or None when there is nothing to bill.

    The windows are recorded in any case, so they are never billed again. Without a line, and with no charge
    that late events could still reach, the invoice is closed at once: it has no number and no list shows
    it. The caller holds the customer's lock; all subscriptions are in one currency.
    """
    invoice = open_invoice(customer, windows, at=at)
    rates = rates or Rates(customer.organization_id)
    lines = window_lines(windows, tz=invoice.timezone, currency=invoice.currency, rates=rates)
    if not lines and not late_usage_possible(windows):
        close(invoice)
        return None
    entry = audit.entry(customer.organization, "invoice.drafted", invoice, by=by, at=at, customer=customer)
    write_draft(invoice, customer, windows, lines, inserted([entry]), fresh=True)
    announce(invoice, "invoice.created", at=at)
    return invoice


def open_invoice(customer: Any, windows: Sequence[Window], *, at: datetime, final: bool = False) -> Invoice:
    """A draft with its billed periods; the unique key of these refuses billing a period twice. `final`: it is issued
    in this transaction.

    Its own row is written by the caller, once, when the sums are known: the database checks at the end of the
    transaction that it is there.
    """
    invoice = new_invoice(
        customer,
        InvoiceType.SUBSCRIPTION,
        windows[0].subscription.currency,
        min(window.start for window in windows),
        max(window.end for window in windows),
        at=at,
    )
    periods = inserted(
        InvoicedPeriod(
            organization=customer.organization,
            invoice=invoice,
            subscription=window.subscription,
            kind=window.kind,
            start=window.start,
            end=window.end,
            closing=window.closing,
        )
        for window in windows
    )
    write(periods, *([reading(invoice)] if final else []))
    return invoice


def new_invoice(
    customer: Any, kind: InvoiceType, currency: str, start: datetime, end: datetime, *, at: datetime
) -> Invoice:
    """An invoice of the customer for [start, end) that is not written yet, as the customer's settings have it."""
    tz = customer_zone(customer)
    today = local_date(at, tz)
    return Invoice(
        organization=customer.organization,
        billing_entity=customer.billing_entity,
        customer=customer,
        type=kind.value,
        currency=currency,
        timezone=tz,
        locale=customer.locale or customer.billing_entity.locale,
        issuing_on=today,
        finalize_at=start_of_day(today + timedelta(days=grace_days(customer)), tz),
        period_start=start,
        period_end=end,
        customer_name=customer.display_name,
        net_payment_term_days=payment_term(customer),
    )


def grace_days(customer: Any) -> int:
    """Days that a draft waits for late events: the customer's, else the billing entity's. 0: final at once."""
    own = customer.grace_period_days
    return int(customer.billing_entity.grace_period_days if own is None else own)


def payment_term(customer: Any) -> int:
    """Days to pay: the customer's, else for consumers the billing entity's own term, else its usual one."""
    entity = customer.billing_entity
    consumer = entity.consumer_payment_term_days if customer.customer_type == "consumer" else None
    terms = (customer.net_payment_term_days, consumer, entity.net_payment_term_days)
    return int(next(days for days in terms if days is not None))


def issues_nothing(customer: Any, lines: Sequence[Line]) -> bool:
    """Whether lines over nothing are no reason for an invoice: as the customer, else its billing entity, has it."""
    own = customer.zero_amount_invoices
    wanted = customer.billing_entity.zero_amount_invoices if own is None else own
    return not wanted and not any(line.amount_minor for line in lines)


def late_usage_possible(windows: Sequence[Window]) -> bool:
    """Whether an event that arrives late could still put a line on the invoice."""
    return any(
        window.start < window.end and window.kind == "usage" and has_charges(window) for window in windows
    )


def has_charges(window: Window) -> bool:
    """Whether usage of the window costs anything; terms of its own may charge what its plan does no more."""
    subscription = window.subscription
    if subscription.has_own_terms:
        return bool(book_of(subscription, window.start).charges)
    return bool(subscription.plan.charges.filter(deleted_at=None).exists())


def close(invoice: Invoice) -> None:
    """Nothing to ask for: keep the record of the billed periods only."""
    invoice.status = InvoiceStatus.CLOSED.value
    invoice.finalize_at = None
    invoice.save()


def priced(invoice: Invoice, windows: Sequence[Window], rates: Rates | None = None) -> list[Line]:
    """The lines of a subscription invoice as its windows are priced now."""
    rates = rates or Rates(invoice.organization_id)
    return window_lines(windows, tz=invoice.timezone, currency=invoice.currency, rates=rates)


def write_draft(
    invoice: Invoice,
    customer: Any,
    windows: Sequence[Window],
    lines: Sequence[Line],
    *more: Part,
    fresh: bool = False,
) -> None:
    """Put lines, coupon preview and taxes on a draft. `fresh`: it has none yet. `more`: what is written with it."""
    applied = usable_coupons(customer, invoice.currency)
    totals = compute_totals(lines, [coupon_facts(row) for row in applied], currency=invoice.currency)
    write_rows(invoice, lines, totals, applied, groups=groups_of(windows), fresh=fresh)
    write(stored(invoice), *more, looking_again(customer))


def groups_of(windows: Sequence[Window]) -> dict[str, str]:
    """{subscription id: the heading of its lines}."""
    return {str(window.subscription.pk): window.subscription.name or plan_name(window) for window in windows}


def plan_name(window: Window) -> str:
    """What the plan is called on the invoice; terms of its own may say another name."""
    subscription = window.subscription
    own = book_of(subscription, window.start).plan if subscription.has_own_terms else subscription.plan
    return str(own.invoice_name)


@transaction.atomic
def refresh_draft(invoice: Invoice, *, by: Actor, at: datetime) -> Invoice:
    """Compute a draft anew from the same windows: late events, changed prices, coupons and taxes count.

    One-off drafts keep their lines. Raises Invalid (invoice_not_draft) once it is issued.
    """
    customer = lock_customer_of(invoice)
    invoice = lock_draft(invoice)
    if invoice.type == InvoiceType.SUBSCRIPTION.value:
        before = audit.snapshot(invoice, ["total_minor"])
        windows = windows_of(invoice)
        write_draft(invoice, customer, windows, priced(invoice, windows))
        changes = audit.differences(before, invoice)
        if changes:
            audit.record(
                invoice.organization,
                "invoice.refreshed",
                invoice,
                by=by,
                at=at,
                changes=changes,
                customer=customer,
            )
    return invoice


def lock_draft(invoice: Invoice) -> Invoice:
    """The invoice as it is now, locked; Invalid unless it is a draft. The customer is locked before."""
    found = lock_invoice(invoice)
    if found.status != InvoiceStatus.DRAFT.value:
        raise Invalid(f"This invoice is {found.status}, not a draft.", code="invoice_not_draft")
    return found


def lock_invoice(invoice: Invoice) -> Invoice:
    """The invoice as it is now, locked. The customer is locked before."""
    found: Invoice = LOCKED.get(invoice.pk)
    return found


LOCKED = Compiled(
    lambda key: (
        Invoice.objects.select_for_update(of=("self",))
        .select_related("organization", "billing_entity")
        .filter(pk=key)
    ),
    UUID,
)
