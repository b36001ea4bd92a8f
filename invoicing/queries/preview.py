"""What an invoice would be if it were finalised now: the total that a person confirms."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from billing.models import Wallet
from billing.queries.coupons import facts as coupon_facts
from billing.queries.coupons import usable_coupons
from billing.queries.wallets import facts_of
from billing.rules.tax import REVERSE_CHARGE
from invoicing.models import CreditNote, Invoice, InvoiceType
from invoicing.queries.facts import window_lines, windows_of
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line, LineFacts, one_off_line
from invoicing.rules.totals import CreditNoteFacts, Totals, compute_totals


def final_totals(invoice: Invoice, at: datetime, rates: Rates | None = None) -> Totals | None:
    """The totals of a subscription draft with coupons, credit notes and wallet credits as they are now, and of a
    one-off draft whose customer owes the tax itself since, or no longer; None for other invoices, whose totals stand
    already. Writes nothing.
    """
    if invoice.type == InvoiceType.ONE_OFF.value:
        changed = taxed_anew(invoice, rates)
        return compute_totals(changed, currency=invoice.currency) if changed else None
    if invoice.type != InvoiceType.SUBSCRIPTION.value:
        return None
    rates = rates or Rates(invoice.organization_id)
    windows = windows_of(invoice, rates)
    lines = window_lines(windows, tz=invoice.timezone, currency=invoice.currency, rates=rates)
    mine = Q(customer_id=invoice.customer_id, currency=invoice.currency)
    notes = CreditNote.objects.available().filter(mine).exclude(invoice=invoice)
    not_expired = Q(expires_at=None) | Q(expires_at__gt=at)
    wallets = Wallet.objects.active().filter(
        mine, not_expired, Q(balance_minor__gt=0) | Q(credit_limit_minor__gt=0)
    )
    return compute_totals(
        lines,
        [coupon_facts(row) for row in usable_coupons(invoice.customer, invoice.currency)],
        facts_of(wallets, invoice.customer.mode),
        [CreditNoteFacts(str(row.pk), row.balance_minor) for row in notes.order_by("created_at", "pk")],
        currency=invoice.currency,
    )


def taxed_anew(invoice: Invoice, rates: Rates | None = None) -> list[Line] | None:
    """The lines of a one-off draft keep their taxes (None), except that reverse charge comes or goes with what is
    known of the customer by now.
    """
    rates = rates or Rates(invoice.organization_id)
    usual = rates.of_customer(invoice.customer_id)
    if invoice.reverse_charge == (usual == (REVERSE_CHARGE,)):
        return None
    rows = invoice.lines.order_by("position")
    return [
        one_off_line(
            LineFacts(
                row.description,
                invoice.currency,
                rates.of_add_on(row.add_on_id, invoice.customer_id),
                add_on_id=str(row.add_on_id) if row.add_on_id else None,
            ),
            row.units,
            row.unit_amount,
        )
        for row in rows
    ]
