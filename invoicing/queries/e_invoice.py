"""From an invoice or credit note to its e-invoice: the frozen rows in the terms of EN 16931."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
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
UNTAXED: Group = (Category.OUT_OF_SCOPE, ZERO)


def e_invoice(invoice: Invoice) -> EInvoice:
    """An invoice as it was issued; a draft with the parties as they are now."""
    lines = list(invoice.lines.order_by("position"))
    taxes = {(row.code, row.rate): row for row in invoice.tax_rows.all()}
    before, after = before_and_after_tax(list(invoice.deductions.all()))
    groups = [group_of(line.taxes, taxes) for line in lines]
    lowered = allowances(invoice, lines, groups, before)
    bases: dict[Group, Decimal] = defaultdict(lambda: ZERO)
    for line, group in zip(lines, groups, strict=True):
        bases[group] += from_minor(line.amount_minor, invoice.currency)
    for item in lowered:
        bases[item.category, item.rate] -= item.amount
    zone = invoice.timezone or "UTC"
    start = local_date(invoice.period_start, zone) if invoice.period_start else None
    end = local_date(invoice.period_end, zone) - timedelta(days=1) if invoice.period_end else None
    seller, buyer = parties(invoice)
    goods = any(group[0] is Category.INTRA_COMMUNITY for group in groups)
    return EInvoice(
        kind=INVOICE,
        number=invoice.number,
        issued_on=invoice.issuing_on,
        due_on=invoice.due_on,
        currency=invoice.currency,
        seller=seller,
        buyer=buyer,
        lines=tuple(line_of(invoice, line, group) for line, group in zip(lines, groups, strict=True)),
        allowances=tuple(lowered),
        vat=tuple(breakdown(bases, taxes.values(), amounts_of(taxes.values(), invoice.currency))),
        prepaid=from_minor(sum(row.amount_minor for row in after), invoice.currency),
        buyer_reference="" if invoice.purchase_order else clean(facts_of(invoice)[1]["external_id"], 255),
        order=clean(invoice.purchase_order, 255),
        notes=clean(invoice.notes, 5000),
        terms=clean(facts_of(invoice)[0].get("payment_details", ""), 600),
        start=min(start, end) if start and end else start,
        end=max(start, end) if start and end else start,
        delivered_to=buyer_country(facts_of(invoice)[1]) if goods else "",
    )


def e_credit_note(note: CreditNote) -> EInvoice:
    """A credit note: each item once over its amount, with the taxes of the invoice that it corrects."""
    invoice = note.invoice
    known = {(row.code, row.rate): row for row in invoice.tax_rows.all()}
    rows = {str(line.pk): line for line in invoice.lines.all()}
    of_lines = {key: group_of(line.taxes, known) for key, line in rows.items()}
    groups = [of_lines.get(str(item.get("line")), UNTAXED) for item in note.items]
    bases: dict[Group, Decimal] = defaultdict(lambda: ZERO)
    lines = []
    for number, (item, group) in enumerate(zip(note.items, groups, strict=True), 1):
        net = from_minor(int(item["amount_minor"]), note.currency)
        bases[group] += net
        text, line = str(item.get("description", "")), rows.get(str(item.get("line")))
        name = clean(line_words(text, line.kind if line else "", invoice.locale or "en")) or "–"
        lines.append(ELine(str(number), name, Decimal(1), net, net, *group))
    amounts: dict[Group, Decimal] = defaultdict(lambda: ZERO)
    for tax in note.taxes:
        row = known.get((str(tax.get("code", "")), Decimal(str(tax["rate"]))))
        group = (
            row_group(row) if row else (category_of("", Decimal(str(tax["rate"]))), Decimal(str(tax["rate"])))
        )
        amounts[group] += from_minor(int(tax["amount_minor"]), note.currency)
    seller, buyer = parties(invoice)
    return EInvoice(
        kind=CREDIT_NOTE,
        number=note.number,
        issued_on=note.issuing_on,
        currency=note.currency,
        seller=seller,
        buyer=buyer,
        lines=tuple(lines),
        vat=tuple(breakdown(bases, known.values(), amounts)),
        buyer_reference="" if invoice.purchase_order else clean(facts_of(invoice)[1]["external_id"], 255),
        order=clean(invoice.purchase_order, 255),
        notes=clean(note.description, 500),
        delivered_to=buyer_country(facts_of(invoice)[1])
        if any(group[0] is Category.INTRA_COMMUNITY for group in groups)
        else "",
        corrects=invoice.number,
        corrects_on=invoice.issuing_on,
    )


def missing_of(row: Invoice | CreditNote) -> list[Missing]:
    """What keeps a document from being an e-invoice, also what its shape cannot say."""
    document = e_credit_note(row) if isinstance(row, CreditNote) else e_invoice(row)
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


def facts_of(invoice: Invoice) -> tuple[dict[str, Any], dict[str, Any]]:
    """Seller and buyer as they were frozen, else as they are."""
    return invoice.seller or seller_now(invoice.billing_entity), invoice.buyer or buyer_now(invoice.customer)


def parties(invoice: Invoice) -> tuple[EParty, EParty]:
    """Both, with clean texts."""
    seller, buyer = facts_of(invoice)
    return (
        party(seller, seller.get("legal_name") or seller["name"], trading=seller["name"]),
        party(buyer, buyer.get("legal_name") or buyer["display_name"], trading=buyer["display_name"]),
    )


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


def buyer_country(facts: Mapping[str, Any]) -> str:
    """Where goods go."""
    return str(facts.get("shipping_country") or facts.get("country") or "")


def group_of(taxes: Iterable[Mapping[str, Any]], rows: Mapping[tuple[str, Decimal], InvoiceTax]) -> Group:
    """The category and rate of a line; several taxes as one rate, which `missing_of` refuses."""
    found = [(tax, rows.get((tax["code"], Decimal(tax["rate"])))) for tax in taxes]
    if not found:
        return UNTAXED
    if len(found) == 1:
        tax, row = found[0]
        return row_group(row) if row else (category_of("", Decimal(tax["rate"])), Decimal(tax["rate"]))
    rate = sum((Decimal(tax["rate"]) for tax, _ in found), ZERO)
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
    zone = invoice.timezone or "UTC"
    days: tuple[date, date] | None = None
    if line.period_start and line.period_end:
        start = local_date(line.period_start, zone)
        days = (start, max(start, local_date(line.period_end, zone) - timedelta(days=1)))
    return ELine(
        str(line.position),
        clean(line_words(line.description, line.kind, invoice.locale or "en")) or "–",
        *quantity_and_price(line.units, line.unit_amount, net),
        net,
        *group,
        *(days or (None, None)),
    )


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
