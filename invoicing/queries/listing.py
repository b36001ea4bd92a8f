"""The lists of invoices, payments and credit notes: rows that a filter leaves, counts and totals of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils import timezone

from billing.models import Organization
from billing.orm.scoped import ScopedQuerySet
from invoicing.models import CreditNote, Invoice, Payment
from invoicing.queries.lists import payments_with_status
from invoicing.queries.narrow import (
    CONTESTED,
    FINAL,
    GIVEN_UP,
    PAID,
    credit_notes_narrowed,
    in_moments,
    invoices_narrowed,
    overdue,
    with_words,
)
from invoicing.rules.shown import possible_acts, shown_status
from invoicing.rules.states import VISIBLE, InvoiceStatus

VISIBLE_VALUES = [status.value for status in VISIBLE]
TABS = {
    "all": "All",
    "draft": "Drafts",
    "outstanding": "Outstanding",
    "paid": "Paid",
    "overdue": "Overdue",
    "disputed": "Disputed",
    "written_off": "Written off",
    "voided": "Voided",
}
INVOICE_SORTS = {
    "number": "number",
    "customer": "customer_name",
    "issued": "issuing_on",
    "due": "due_on",
    "amount": "total_minor",
    "created": "created_at",
}
PAYMENT_SORTS = {
    "received": "paid_at",
    "invoice": "invoice__number",
    "customer": "invoice__customer_name",
    "amount": "amount_minor",
}
# The quick tabs of payments: label, and the word that `payments_with_status` knows.
PAYMENT_TABS = {
    "": "All",
    "successful": "Received",
    "refunding": "On the way back",
    "refunded": "Given back",
    "refund_failed": "Refund failed",
}
ONLINE = ("stripe", "flutterwave", "paystack", "mpesa")
CREDIT_NOTE_SORTS = {
    "number": "number",
    "invoice": "invoice__number",
    "customer": "customer_name",
    "issued": "issuing_on",
    "amount": "total_minor",
    "refund": "refund_minor",
    "balance": "balance_minor",
}


@dataclass(frozen=True)
class ListTotal:
    """A line under a list: how many in a currency, their amount, and what of it is due (minor units)."""

    currency: str
    count: int
    total_minor: int
    due_minor: int


@dataclass(frozen=True)
class InvoiceList:
    """Rows of the tab, how many each tab has, and totals per currency of the tab's rows."""

    rows: ScopedQuerySet
    counts: dict[str, int]
    sums: list[ListTotal]


@dataclass(frozen=True)
class Listed:
    """An invoice with its word and what can be done with it, as `invoicing/invoices/rows.html` shows it."""

    invoice: Invoice
    shown: str
    acts: frozenset[str]


def listed(invoices: Iterable[Invoice], today: date) -> list[Listed]:
    """Invoices as they are shown on `today`. No queries."""
    return [
        Listed(
            row,
            shown_status(
                row.status,
                row.payment_status,
                row.due_on,
                today,
                written_off=bool(row.written_off_minor),
                disputed=row.in_dispute,
            ),
            possible_acts(
                row.status,
                row.type,
                row.due_minor,
                written_off=bool(row.written_off_minor),
                disputed=row.dispute == "open",
            ),
        )
        for row in invoices
    ]


def tab_of(name: str, today: date) -> Q:
    """The condition of a quick tab. Closed invoices (nothing to ask for) are in none."""
    conditions = {
        "draft": Q(status=InvoiceStatus.DRAFT.value),
        "outstanding": FINAL & ~PAID,
        "paid": FINAL & PAID & ~GIVEN_UP,
        "overdue": overdue(today),
        "written_off": FINAL & GIVEN_UP,
        "disputed": FINAL & ~PAID & CONTESTED,
        "voided": Q(status=InvoiceStatus.VOIDED.value),
    }
    return conditions.get(name, Q(status__in=VISIBLE_VALUES))


def invoice_list(
    organization: Organization, values: dict[str, Any], tab: str, today: date, customer: Any = None
) -> InvoiceList:
    """Invoices narrowed by a tab and `values` (`queries/narrow.py:invoices_narrowed`, q, customer).

    One query for the counts of all tabs and the totals; the rows are not read yet.
    """
    found = invoices_found(organization, values, today, customer)
    mine = tab_of(tab, today)
    # A voided invoice asks for nothing; it is added up only where one looks at voided ones.
    summed = mine if tab == "voided" else mine & ~Q(status=InvoiceStatus.VOIDED.value)
    columns: dict[str, Any] = {f"n_{name}": Count("pk", filter=tab_of(name, today)) for name in TABS}
    columns |= {
        "n_summed": Count("pk", filter=summed),
        "total": Sum("total_minor", filter=summed, default=0),
        "due": Sum(F("total_minor") - F("paid_minor"), filter=summed & FINAL, default=0),
    }
    per_currency = list(found.order_by("currency").values("currency").annotate(**columns))
    counts = {name: sum(row[f"n_{name}"] for row in per_currency) for name in TABS}
    sums = [
        ListTotal(row["currency"], row["n_summed"], row["total"], row["due"])
        for row in per_currency
        if row["n_summed"]
    ]
    return InvoiceList(found.filter(mine), counts, sums)


def invoices_found(
    organization: Organization, values: dict[str, Any], today: date, customer: Any = None
) -> ScopedQuerySet:
    """Invoices narrowed by `values` alone, of whatever tab."""
    rows = rows_of(Invoice.objects.of(organization), customer)
    rows = invoices_narrowed(rows, organization, values, today)
    return with_words(rows, organization, values, customer, "number")


def payment_list(
    organization: Organization, values: dict[str, Any], customer: Any = None, zone: tzinfo | None = None
) -> ScopedQuerySet:
    """Payments narrowed by words (reference, receipt, invoice number, customer), currency, method, state, and days in
    `zone` (else the active one).
    """
    found = rows_of(Payment.objects.of(organization), customer)
    if "currency" in values:
        found = found.filter(currency=values["currency"])
    if method := values.get("method"):
        kinds = {"online": Q(provider__in=ONLINE), "other": ~Q(provider__in=[*ONLINE, "manual"])}
        found = found.filter(kinds.get(method, Q(provider=method)))
    if "state" in values:
        found = payments_with_status(found, values["state"])
    found = in_moments(found, values, "issued", "paid_at", zone or timezone.get_current_timezone())
    return with_words(
        found, organization, values, customer, "reference", "invoice__number", "receipt__number"
    )


def credit_note_list(
    organization: Organization, values: dict[str, Any], customer: Any = None
) -> ScopedQuerySet:
    """Credit notes narrowed by words (number, invoice number, customer) and `credit_notes_narrowed`."""
    found = credit_notes_narrowed(rows_of(CreditNote.objects.of(organization), customer), values)
    return with_words(found, organization, values, customer, "number", "invoice__number")


def rows_of(rows: ScopedQuerySet, customer: Any) -> ScopedQuerySet:
    """The customer's rows; all of them without a customer."""
    return rows if customer is None else rows.filter(customer=customer)


def sums_of(rows: QuerySet[Any], amount: str) -> list[ListTotal]:
    """Totals per currency of what a list shows; nothing is due."""
    found = rows.order_by("currency").values_list("currency").annotate(n=Count("pk"), total=Sum(amount))
    return [ListTotal(currency, count, total, 0) for currency, count, total in found]


@dataclass(frozen=True)
class Balance:
    """What a customer owes in a currency (minor units): issued and unpaid, of it overdue, and drafts."""

    currency: str
    outstanding_minor: int
    outstanding_count: int
    overdue_minor: int
    overdue_count: int
    draft_minor: int
    draft_count: int

    @property
    def outstanding_note(self) -> str:
        """ "3 invoices"."""
        return counted(self.outstanding_count)

    @property
    def overdue_note(self) -> str:
        """ "1 invoice"."""
        return counted(self.overdue_count)

    @property
    def draft_note(self) -> str:
        """ "2 invoices"."""
        return counted(self.draft_count)


def counted(number: int) -> str:
    """A number of invoices in words."""
    return f"{number} invoice{'' if number == 1 else 's'}"


def balances(customer: Any, today: date) -> list[Balance]:
    """A customer's balances by currency. One query."""
    due = F("total_minor") - F("paid_minor")
    open_, late, draft = tab_of("outstanding", today), tab_of("overdue", today), tab_of("draft", today)
    rows = Invoice.objects.filter(customer=customer).order_by("currency").values_list("currency")
    found = rows.annotate(
        outstanding=Sum(due, filter=open_, default=0),
        outstanding_count=Count("pk", filter=open_),
        overdue=Sum(due, filter=late, default=0),
        overdue_count=Count("pk", filter=late),
        draft=Sum("total_minor", filter=draft, default=0),
        draft_count=Count("pk", filter=draft),
    )
    return [Balance(*row) for row in found]


def note_state(note: CreditNote) -> str:
    """The word for a credit note: voided, available, refunded (no credit came of it), consumed (nothing is left)."""
    if note.status == "voided":
        return "voided"
    if note.refund_minor and not note.credit_minor:
        return "refunded"
    return "available" if note.balance_minor else "consumed"
