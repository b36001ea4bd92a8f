"""Invoices read before the transaction that made them is rolled back: what would be, in memory only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from invoicing.models import Invoice, InvoiceDeduction, InvoiceLine
from invoicing.queries.consumer import for_consumer, put_tax_in
from invoicing.queries.deductions import before_and_after_tax
from invoicing.queries.preview import final_totals
from invoicing.queries.rates import Rates
from invoicing.rules.states import InvoiceStatus


@dataclass(frozen=True)
class InvoicePreview:
    """The invoice as it would be, in memory only. `before_tax`: what is billed already, and coupons. For a consumer
    (`with_tax`) lines and these include their tax, as on paper.
    """

    invoice: Invoice
    lines: list[InvoiceLine]
    before_tax: list[InvoiceDeduction]
    with_tax: bool


@dataclass(frozen=True)
class NextInvoice:
    """An invoice that the billing run would make at its moment, if nothing more were used until then.

    Minor units: `total_minor` is its value with tax, `credits_minor` what credit notes and wallets would pay of it.
    """

    invoice: Invoice
    lines: list[InvoiceLine]
    before_tax: list[InvoiceDeduction]
    with_tax: bool
    taxes_minor: int
    total_minor: int
    credits_minor: int

    @property
    def due_minor(self) -> int:
        """What would be left to pay."""
        return self.total_minor - self.credits_minor


@dataclass(frozen=True)
class Coming:
    """An invoice and the moment at which it is made."""

    at: datetime
    bill: NextInvoice


def foreseen(invoice: Invoice, moment: datetime, rates: Rates | None = None) -> NextInvoice:
    """The invoice as it would be issued; a draft with the credits that its end of grace would take. `rates`: prices
    and taxes that were read already.
    """
    shown = seen(invoice)
    draft = invoice.status == InvoiceStatus.DRAFT.value
    totals = final_totals(invoice, moment, rates) if draft else None
    if totals is None:
        credits = invoice.credit_notes_minor + invoice.wallet_credits_minor
        total = invoice.total_minor + credits
        return NextInvoice(
            invoice, shown.lines, shown.before_tax, shown.with_tax, invoice.taxes_minor, total, credits
        )
    credits = totals.credit_notes_minor + totals.wallets_minor
    total = totals.total_with_tax_minor
    return NextInvoice(
        invoice, shown.lines, shown.before_tax, shown.with_tax, totals.tax_minor, total, credits
    )


def seen(invoice: Invoice) -> InvoicePreview:
    """Everything read before it is taken back."""
    lines = list(invoice.lines.select_related("charge__metric").order_by("position"))
    before_tax, _ = before_and_after_tax(invoice.deductions.all())
    consumer = for_consumer(invoice)
    if consumer:
        put_tax_in(invoice, lines, before_tax)
    return InvoicePreview(invoice, lines, before_tax, consumer)
