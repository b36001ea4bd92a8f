"""Invoices, credit notes and their lines as rows of a file, a few at a time however many there are.

Amounts are decimals in the currency of the row, moments in UTC, days as they stand on the document. The rows come
from a cursor of the database; figures that stand elsewhere are read for a batch at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, IntegerField, UUIDField, Value

from billing.orm.scoped import ScopedQuerySet
from billing.rules.ids import encode
from billing.rules.money import exact, from_minor
from invoicing.models import InvoiceLine, Payment
from invoicing.queries.listing import listed, note_state

BATCH = 500
Cells = list[Any]
Column = tuple[str, Callable[[Any], Any]]


def money(column: str) -> Callable[[Any], Any]:
    """The cell of an amount in minor units."""
    return lambda row: from_minor(getattr(row, column), row.currency)


def plain(path: str) -> Callable[[Any], Any]:
    """The cell of a field, also of a related row ("customer.email")."""

    def cell(row: Any) -> Any:
        for name in path.split("."):
            row = getattr(row, name)
        return row

    return cell


CUSTOMER: tuple[Column, ...] = (
    ("customer_id", plain("customer.public_id")),
    ("customer_external_id", plain("customer.external_id")),
    ("customer_name", plain("customer_name")),
)
INVOICE: tuple[Column, ...] = (
    ("invoice_id", plain("public_id")),
    ("number", plain("number")),
    ("status", plain("status")),
    ("payment_status", lambda row: "written_off" if row.written_off_minor else row.payment_status),
    ("type", plain("type")),
    ("billing_entity", plain("billing_entity.code")),
    *CUSTOMER,
    ("customer_email", plain("customer.email")),
    ("customer_country", lambda row: (row.buyer or vars(row.customer)).get("country", "")),
    ("customer_tax_id", lambda row: (row.buyer or vars(row.customer)).get("tax_id", "")),
    ("purchase_order", plain("purchase_order")),
    ("currency", plain("currency")),
    ("issuing_date", plain("issuing_on")),
    ("due_date", plain("due_on")),
    ("period_start", plain("period_start")),
    ("period_end", plain("period_end")),
    ("lines", money("lines_minor")),
    ("billed_already", money("progressive_minor")),
    ("coupons", money("coupons_minor")),
    ("before_tax", money("subtotal_minor")),
    ("taxes", money("taxes_minor")),
    ("credit_notes", money("credit_notes_minor")),
    ("prepaid_credits", money("wallet_credits_minor")),
    ("total", money("total_minor")),
    ("received", money("received_minor")),
    ("offset", money("offset_minor")),
    ("written_off", money("written_off_minor")),
    ("amount_due", money("due_minor")),
    ("overdue", lambda row: row.shown == "overdue"),
    ("disputed", plain("in_dispute")),
    ("finalized_at", plain("finalized_at")),
    ("paid_at", plain("paid_at")),
    ("voided_at", plain("voided_at")),
    ("void_reason", plain("void_reason")),
)
LINE: tuple[Column, ...] = (
    ("invoice_id", plain("invoice.public_id")),
    ("number", plain("invoice.number")),
    ("status", plain("invoice.status")),
    ("issuing_date", plain("invoice.issuing_on")),
    ("customer_id", plain("invoice.customer.public_id")),
    ("customer_external_id", plain("invoice.customer.external_id")),
    ("customer_name", plain("invoice.customer_name")),
    ("line_id", plain("public_id")),
    ("position", plain("position")),
    ("type", plain("kind")),
    ("description", plain("description")),
    ("subscription", lambda row: row.subscription.external_id if row.subscription else ""),
    ("plan", lambda row: row.subscription.plan.code if row.subscription else ""),
    ("metric", lambda row: row.charge.metric.code if row.charge else ""),
    ("add_on", lambda row: row.add_on.code if row.add_on else ""),
    ("filter", lambda row: pairs((row.charge_filter or {}).get("values"))),
    ("group", lambda row: pairs(row.charge_group)),
    ("period_start", plain("period_start")),
    ("period_end", plain("period_end")),
    ("currency", plain("invoice.currency")),
    ("units", plain("units")),
    ("unit_amount", plain("unit_amount")),
    ("amount", lambda row: from_minor(row.amount_minor, row.invoice.currency)),
    ("billed_already", lambda row: from_minor(row.progressive_minor, row.invoice.currency)),
    ("coupons", lambda row: coupon_share(row)),
    ("tax_rate", plain("tax_rate")),
    ("tax", lambda row: from_minor(row.tax_minor, row.invoice.currency)),
    ("events", plain("events_count")),
)
NOTE: tuple[Column, ...] = (
    ("credit_note_id", plain("public_id")),
    ("number", plain("number")),
    ("status", lambda row: note_state(row)),
    ("invoice_number", plain("invoice.number")),
    ("billing_entity", plain("invoice.billing_entity.code")),
    *CUSTOMER,
    ("reason", plain("reason")),
    ("description", plain("description")),
    ("currency", plain("currency")),
    ("issuing_date", plain("issuing_on")),
    ("before_tax", money("net_minor")),
    ("taxes", money("tax_minor")),
    ("total", money("total_minor")),
    ("credited", money("credit_minor")),
    ("refunded", money("refund_minor")),
    ("off_its_invoice", money("offset_minor")),
    ("withdrawn", money("withdrawn_minor")),
    ("available", money("balance_minor")),
    ("voided_at", plain("voided_at")),
    ("void_reason", plain("void_reason")),
)
ITEM = (
    "credit_note_id",
    "number",
    "status",
    "invoice_number",
    "issuing_date",
    *(name for name, _ in CUSTOMER),
    "line_id",
    "description",
    "currency",
    "before_tax",
    "tax",
)

PAYMENT = (
    *("payment_id", "status", "invoice_number", "customer_external_id", "customer_name", "amount"),
    *(
        "refunded_amount",
        "pending_refund_amount",
        "currency",
        "method",
        "reference",
        "paid_at",
        "receipt_number",
    ),
)


def pairs(values: Any) -> str:
    """{"region": ["eu"]} -> "region=eu"; what stands under no key is left empty."""
    found = (values or {}).items()
    return "; ".join(
        f"{key}={', '.join(map(str, v)) if isinstance(v, list) else v or ''}" for key, v in found
    )


def coupon_share(line: InvoiceLine) -> Any:
    """The line's share of the coupons in major units, exact."""
    with exact():
        return (line.coupon_minor * from_minor(1, line.invoice.currency)).normalize()


def invoice_rows(rows: ScopedQuerySet, today: date) -> Iterator[Cells]:
    """A row for each invoice, in the order of `rows`."""
    for invoice in batches(rows, "customer", "billing_entity"):
        (shown,) = listed([invoice], today)
        invoice.shown = shown.shown
        yield [cell(invoice) for _, cell in INVOICE]


def line_rows(rows: ScopedQuerySet) -> Iterator[Cells]:
    """A row for each line of the invoices, invoice by invoice."""
    keys = iter(rows.values_list("pk", flat=True).iterator(BATCH))
    while part := list(islice(keys, BATCH)):
        lines = InvoiceLine.objects.filter(invoice__in=part).select_related(
            "invoice__customer", "subscription__plan", "charge__metric", "add_on"
        )
        order = Value(part, output_field=ArrayField(UUIDField()))
        place = Func(order, F("invoice_id"), function="array_position", output_field=IntegerField())
        for line in lines.order_by(place, "position").iterator(BATCH):
            yield [cell(line) for _, cell in LINE]


def note_rows(rows: ScopedQuerySet) -> Iterator[Cells]:
    """A row for each credit note, in the order of `rows`."""
    for note in batches(rows, "customer", "invoice__billing_entity"):
        yield [cell(note) for _, cell in NOTE]


def item_rows(rows: ScopedQuerySet) -> Iterator[Cells]:
    """A row for each item of the credit notes, note by note."""
    for note in batches(rows, "customer", "invoice"):
        shared = [note.public_id, note.number, note_state(note), note.invoice.number, note.issuing_on]
        shared += [cell(note) for _, cell in CUSTOMER]
        for item in note.items:
            tax = from_minor(item["tax_minor"], note.currency) if "tax_minor" in item else None
            line = encode("line", UUID(item["line"])) if item.get("line") else ""
            net = from_minor(item["amount_minor"], note.currency)
            yield [*shared, line, item["description"], note.currency, net, tax]


def payment_rows(rows: ScopedQuerySet) -> Iterator[Cells]:
    """A row for each payment, in the order of `rows`."""
    found = rows.select_related("invoice", "customer", "receipt", "remittance__receipt")
    return map(payment_cells, found.iterator(1000))


def payment_cells(row: Payment) -> Cells:
    """A payment as a line of the file."""
    receipt = getattr(row.remittance or row, "receipt", None)
    return [
        row.public_id,
        row.status,
        row.invoice.number,
        row.customer.external_id,
        row.invoice.customer_name,
        f"{from_minor(row.amount_minor, row.currency):f}",
        f"{from_minor(row.refunded_minor, row.currency):f}",
        f"{from_minor(row.refunding_minor, row.currency):f}",
        row.currency,
        row.provider,
        row.reference,
        row.paid_at.isoformat(),
        receipt.number if receipt else "",
    ]


def batches(rows: ScopedQuerySet, *related: str) -> Iterator[Any]:
    """The rows in their order with what belongs to them: keys by a cursor, the rows for 500 at a time."""
    keys = iter(rows.values_list("pk", flat=True).iterator(BATCH))
    while part := list(islice(keys, BATCH)):
        found = rows.model.objects.select_related(*related).in_bulk(part)
        yield from (found[key] for key in part if key in found)


def heads(columns: Sequence[Column]) -> list[str]:
    """The names of the cells."""
    return [name for name, _ in columns]


Files = dict[str, tuple[list[str], Callable[[ScopedQuerySet, date], Iterator[Cells]]]]
INVOICE_FILES: Files = {
    "invoices": (heads(INVOICE), invoice_rows),
    "lines": (heads(LINE), lambda rows, today: line_rows(rows)),
}
NOTE_FILES: Files = {
    "credit-notes": (heads(NOTE), lambda rows, today: note_rows(rows)),
    "items": (list(ITEM), lambda rows, today: item_rows(rows)),
}
