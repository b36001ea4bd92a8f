"""From an invoice or credit note to its e-invoice: the frozen rows in the terms of EN 16931."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.models import EInvoices
from billing.rules.money import ZERO, allocate_minor, from_minor
from billing.rules.periods import local_date
from billing.rules.tax_category import Category, category_of, reason_of
from invoicing.documents.clean import clean
from invoicing.documents.labels import labels
from invoicing.documents.wording import line_words
from invoicing.models import CreditNote, Invoice, InvoiceLine, InvoiceTax
from invoicing.queries.deductions import before_and_after_tax
from invoicing.queries.parties import buyer as buyer_now
from invoicing.queries.parties import seller as seller_now
from invoicing.rules.e_invoice import (
    CREDIT_NOTE,
    INVOICE,
    EAllowance,
    EInvoice,
    ELine,
    EParty,
    EVat,
    Missing,
    missing,
    quantity_and_price,
)

Group = tuple[Category, Decimal]  # a category and its rate
HASHES = re.compile(
    r"^[ \t]*#+", re.MULTILINE
)  # a line that begins with one is a cash discount in German e-invoices
UNTAXED: Group = (Category.OUT_OF_SCOPE, ZERO)


def e_invoice(row: Invoice | CreditNote) -> EInvoice:
    """A document as it was issued; a draft with the parties as they are now."""
    return of_credit_note(row) if isinstance(row, CreditNote) else of_invoice(row)


def of_invoice(invoice: Invoice) -> EInvoice:
    """An invoice: coupons and what was billed already lower it before tax, credit notes and wallets prepay it."""
    lines = list(invoice.lines.order_by("position"))
    taxes = known_taxes(invoice)
    before, after = before_and_after_tax(list(invoice.deductions.all()))
    groups = [group_of(line.taxes, taxes) for line in lines]
    lowered = allowances(invoice, lines, groups, before)
    bases: dict[Group, Decimal] = defaultdict(lambda: ZERO)
    for line, group in zip(lines, groups, strict=True):
        bases[group] += from_minor(line.amount_minor, invoice.currency)
    for item in lowered:
        bases[item.category, item.rate] -= item.amount
    rows = tuple(line_of(invoice, line, group) for line, group in zip(lines, groups, strict=True))
    start, end = spanning(days_of(invoice, invoice.period_start, invoice.period_end), rows)
    return EInvoice(
        kind=INVOICE,
        number=invoice.number,
        issued_on=invoice.issuing_on,
        due_on=invoice.due_on,
        lines=rows,
        allowances=tuple(lowered),
        vat=tuple(breakdown(bases, taxes.values(), amounts_of(taxes.values(), invoice.currency))),
        prepaid=from_minor(sum(row.amount_minor for row in after), invoice.currency),
        notes=clean(invoice.notes, 5000),
        start=start,
        end=end,
        **parties(invoice, groups),
    )


def of_credit_note(note: CreditNote) -> EInvoice:
    """A credit note: each item once over its amount, with the taxes of the invoice that it corrects."""
    invoice = note.invoice
    taxes = known_taxes(invoice)
    rows = {str(line.pk): line for line in invoice.lines.all()}
    items = [(item, rows.get(str(item.get("line")))) for item in note.items]
    groups = [group_of(line.taxes, taxes) if line else UNTAXED for _, line in items]
    bases: dict[Group, Decimal] = defaultdict(lambda: ZERO)
    lines = []
    for number, ((item, line), group) in enumerate(zip(items, groups, strict=True), 1):
        net = from_minor(int(item["amount_minor"]), note.currency)
        bases[group] += net
        name = named(str(item.get("description", "")), line, invoice.locale)
        lines.append(ELine(str(number), name, Decimal(1), net, net, *group))
    amounts: dict[Group, Decimal] = defaultdict(lambda: ZERO)
    for tax in note.taxes:
        amounts[group_of([tax], taxes)] += from_minor(int(tax["amount_minor"]), note.currency)
    return EInvoice(
        kind=CREDIT_NOTE,
        number=note.number,
        issued_on=note.issuing_on,
        lines=tuple(lines),
        vat=tuple(breakdown(bases, taxes.values(), amounts)),
        notes=clean(note.description, 500),
        corrects=invoice.number,
        corrects_on=invoice.issuing_on,
        **parties(invoice, groups) | {"terms": ""},
    )


def missing_of(row: Invoice | CreditNote, document: EInvoice) -> list[Missing]:
    """What keeps a document from being an e-invoice, also what its shape cannot say."""
    found = missing(document, issued=row.status != "draft")
    invoice = row.invoice if isinstance(row, CreditNote) else row
    if any(len(line.taxes) > 1 for line in invoice.lines.all()):
        text = "A line has more than one tax; an e-invoice has one VAT rate for each line."
        found.append(Missing("BT-151", text, "tax"))
    if isinstance(row, CreditNote) and row.only_tax:
        found.append(
            Missing("BT-131", "A credit note over the tax alone has no lines to credit.", "document")
        )
    return found


def wants_e_invoice(invoice: Invoice) -> bool:
    """Whether somebody counts on it: the customer prefers one, or the issuer puts them into the PDF."""
    inside = invoice.billing_entity.e_invoices == EInvoices.INSIDE
    return bool(invoice.customer.prefer_einvoice or inside)


def parties(invoice: Invoice, groups: Iterable[Group]) -> dict[str, Any]:
    """Who, in which currency, on what order and terms; and where goods go when there are any."""
    seller = invoice.seller or seller_now(invoice.billing_entity)
    buyer = invoice.buyer or buyer_now(invoice.customer)
    goods = any(category is Category.INTRA_COMMUNITY for category, _ in groups)
    return {
        "currency": invoice.currency,
        "seller": party(seller, seller.get("legal_name") or seller["name"], trading=seller["name"]),
        "buyer": party(
            buyer, buyer.get("legal_name") or buyer["display_name"], trading=buyer["display_name"]
        ),
        "order": clean(invoice.purchase_order, 255),
        "buyer_reference": clean(buyer["external_id"], 255),
        "terms": HASHES.sub("", clean(seller.get("payment_details", ""), 600)),
        "delivered_to": str(buyer.get("shipping_country") or buyer.get("country") or "") if goods else "",
    }


def known_taxes(invoice: Invoice) -> dict[tuple[str, Decimal], InvoiceTax]:
    """The invoice's tax table by what a line calls a tax."""
    return {(row.code, row.rate): row for row in invoice.tax_rows.all()}


def party(facts: Mapping[str, Any], name: str, *, trading: str) -> EParty:
    """A frozen party."""
    texts = {
        key: clean(str(facts.get(source) or ""), 255)
        for key, source in (
            ("line1", "address_line1"),
            ("line2", "address_line2"),
            ("city", "city"),
            ("postal_code", "postal_code"),
            ("state", "state"),
            ("country", "country"),
            ("tax_id", "tax_id"),
            ("legal_id", "legal_number"),
            ("email", "email"),
            ("phone", "phone"),
            ("endpoint", "peppol_id"),
        )
    }
    other = clean(trading, 255)
    return EParty(name=clean(name, 255), trading_name=other if other != clean(name, 255) else "", **texts)


def group_of(taxes: Iterable[Mapping[str, Any]], rows: Mapping[tuple[str, Decimal], InvoiceTax]) -> Group:
    """The category and rate of a line; several taxes as one rate, which `missing_of` refuses."""
    found = [(tax, rows.get((str(tax.get("code", "")), Decimal(str(tax["rate"]))))) for tax in taxes]
    if not found:
        return UNTAXED
    if len(found) == 1:
        row = found[0][1]
        if row:
            return row_group(row)
    rate = sum((Decimal(str(tax["rate"])) for tax, _ in found), ZERO)
    return category_of("", rate), rate


def row_group(row: InvoiceTax) -> Group:
    """The category and rate of a row of the tax table."""
    return category_of(row.category, row.rate), row.rate


def amounts_of(rows: Iterable[InvoiceTax], currency: str) -> dict[Group, Decimal]:
    """The tax of each category and rate."""
    found: dict[Group, Decimal] = defaultdict(lambda: ZERO)
    for row in rows:
        found[row_group(row)] += from_minor(row.amount_minor, currency)
    return found


def breakdown(
    bases: Mapping[Group, Decimal], rows: Iterable[InvoiceTax], amounts: Mapping[Group, Decimal]
) -> list[EVat]:
    """BG-23 in the order in which lines name them."""
    reasons: dict[Group, tuple[str, str]] = {}
    for row in rows:
        group = row_group(row)
        reasons.setdefault(group, reason_of(group[0], row.exemption_code, row.exemption_reason))
    return [
        EVat(*group, base, amounts.get(group, ZERO), *reasons.get(group, reason_of(group[0])))
        for group, base in bases.items()
    ]


def line_of(invoice: Invoice, line: InvoiceLine, group: Group) -> ELine:
    """BG-25; the days of the line's own period."""
    net = from_minor(line.amount_minor, invoice.currency)
    name = named(line.description, line, invoice.locale)
    quantity, price = quantity_and_price(line.units, line.unit_amount, net)
    days = days_of(invoice, line.period_start, line.period_end)
    return ELine(str(line.position), name, quantity, price, net, *group, *days)


def named(text: str, line: InvoiceLine | None, locale: str) -> str:
    """What a line is called, our own words in the document's language (BT-153 may not be empty)."""
    return clean(line_words(text, line.kind if line else "", locale or "en")) or "–"


def days_of(
    invoice: Invoice, start: datetime | None, end: datetime | None
) -> tuple[date, date] | tuple[None, None]:
    """The first and the last day of a period where the customer is."""
    if start is None or end is None:
        return None, None
    zone = invoice.timezone or "UTC"
    first = local_date(start, zone)
    return first, max(first, local_date(end, zone) - timedelta(days=1))


def spanning(
    days: tuple[date, date] | tuple[None, None], lines: Iterable[ELine]
) -> tuple[date, date] | tuple[None, None]:
    """The document's days, wide enough for those of each line: what is paid ahead lies behind what was used."""
    first, last = days
    if first is None or last is None:
        return None, None
    starts = [line.start for line in lines if line.start]
    ends = [line.end for line in lines if line.end]
    return min(first, *starts, first), max(last, *ends, last)


def allowances(
    invoice: Invoice, lines: list[InvoiceLine], groups: list[Group], before: Iterable[Any]
) -> list[EAllowance]:
    """Coupons and what was billed already, each by category and rate; the parts sum to what was taken off."""
    words = labels(invoice.locale or "en")
    found = []
    for kind, share in (("progressive", "progressive_minor"), ("coupon", "coupon_minor")):
        rows = [row for row in before if row.kind == kind]
        whole = sum(row.amount_minor for row in rows)
        if not whole:
            continue
        parts: dict[Group, Decimal] = defaultdict(lambda: ZERO)
        for line, group in zip(lines, groups, strict=True):
            parts[group] += Decimal(getattr(line, share))
        minors = allocate_minor(whole, list(parts.values()))
        reason = ", ".join(clean(row.label, 100) for row in rows)
        reason = clean(f"{words[kind]}: {reason}" if kind in words else reason, 500)
        found += [
            EAllowance(reason, from_minor(minor, invoice.currency), *group)
            for group, minor in zip(parts, minors, strict=True)
            if minor
        ]
    return found
