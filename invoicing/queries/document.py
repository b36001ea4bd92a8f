"""From an invoice or credit note to the printed document. Finalised ones print their frozen copies."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from typing import Any

from babel import Locale, UnknownLocaleError

from billing.rules.periods import local_date
from billing.rules.tax import REVERSE_CHARGE
from invoicing.documents.clean import clean
from invoicing.documents.data import (
    Deduction,
    DetailStep,
    DocumentLine,
    InvoiceDocument,
    LineGroup,
    Party,
    TaxRow,
    UsageTable,
)
from invoicing.documents.labels import labels
from invoicing.documents.wording import line_words, step_words
from invoicing.models import CreditNote, Invoice, InvoiceLine, InvoiceType
from invoicing.queries.consumer import for_consumer, items_with_tax, put_tax_in
from invoicing.queries.deductions import before_and_after_tax
from invoicing.queries.parties import buyer as buyer_now
from invoicing.queries.parties import own_fields, prints_usage
from invoicing.queries.parties import seller as seller_now
from invoicing.queries.usage_annex import usage_tables
from invoicing.rules.states import CUSTOMER_DELETED


def invoice_document(invoice: Invoice, *, annex: bool = True) -> InvoiceDocument:
    """The document of an invoice; a draft shows the parties as they are now. Without `annex` the usage by day is not
    read.
    """
    seller = invoice.seller or seller_now(invoice.billing_entity)
    buyer = invoice.buyer or buyer_now(invoice.customer)
    deductions = list(invoice.deductions.all())
    before, after = before_and_after_tax(deductions)
    lines = list(invoice.lines.select_related("subscription").order_by("position"))
    consumer = for_consumer(invoice)
    lines_minor = put_tax_in(invoice, lines, before) if consumer else invoice.lines_minor
    return InvoiceDocument(
        kind="credit_invoice" if invoice.type == InvoiceType.CREDIT.value else "invoice",
        reference=invoice.public_id,
        number=invoice.number,
        status=invoice.status,
        locale=invoice.locale or "en",
        currency=invoice.currency,
        timezone=invoice.timezone or "UTC",
        issuing_on=invoice.issuing_on,
        due_on=invoice.due_on,
        terms_days=invoice.net_payment_term_days,
        seller=party(seller, invoice.locale, legal=True),
        buyer=party(buyer, invoice.locale),
        accent=seller.get("brand_color", ""),
        groups=groups(lines, invoice.locale),
        taxes=tuple(
            TaxRow(tax_name(row.code, row.name, invoice.locale), row.rate, row.base_minor, row.amount_minor)
            for row in invoice.tax_rows.all()
        ),
        lines_minor=lines_minor,
        taxes_minor=invoice.taxes_minor,
        total_minor=invoice.total_minor,
        paid_minor=0,
        before_tax=tuple(Deduction(row.kind, clean(row.label, 200), row.amount_minor) for row in before),
        after_tax=tuple(Deduction(row.kind, clean(row.label, 200), row.amount_minor) for row in after),
        purchase_order=clean(invoice.purchase_order, 255),
        own_fields=tuple(
            (clean(row["name"], 80), clean(row["value"], 200)) for row in custom_fields(invoice)
        ),
        notes=clean(invoice.notes, 5000),
        payment_details=clean(seller.get("payment_details", ""), 600),
        footer=clean(seller.get("invoice_footer", ""), 600),
        logo=logo_bytes(invoice.billing_entity, seller.get("logo", "")),
        made_at=invoice.voided_at or invoice.finalized_at or invoice.updated_at,
        issued_at=invoice.finalized_at,
        voided_on=local_date(invoice.voided_at, invoice.timezone or "UTC") if invoice.voided_at else None,
        void_reason=void_reason(invoice.void_reason, invoice.locale),
        with_tax=consumer,
        reverse_charge=invoice.reverse_charge,
        notice=clean(seller.get("consumer_notice", ""), 1000) if consumer else "",
        usage=usage_of(invoice, lines) if annex and prints_usage(seller, buyer) else (),
    )


def usage_of(invoice: Invoice, lines: list[InvoiceLine]) -> tuple[UsageTable, ...]:
    """The usage behind the lines, each called as it is printed."""
    names = [clean(line_words(line.description, line.kind, invoice.locale)) for line in lines]
    return usage_tables(invoice, lines, names)


def tax_name(code: str, name: str, locale: str) -> str:
    """A tax as the document's language calls it; only reverse charge has a word of ours."""
    ours = code == REVERSE_CHARGE.code and name == REVERSE_CHARGE.name
    return labels(locale or "en")["reverse_charge"] if ours else clean(name, 100)


def void_reason(reason: str, locale: str) -> str:
    """Why it was voided, in the words of whoever did it; only a deletion's reason is ours to translate."""
    return labels(locale or "en")["customer_deleted"] if reason == CUSTOMER_DELETED else clean(reason, 500)


def custom_fields(invoice: Invoice) -> list[dict[str, str]]:
    """The customer's own fields: as they were when the invoice became final, on a draft as they are."""
    if invoice.finalized_at is None:
        return own_fields(invoice.customer, invoice.locale)
    return list(invoice.custom_fields)


def credit_note_document(note: CreditNote) -> InvoiceDocument:
    """The document of a credit note: the parties of the invoice that it corrects."""
    invoice = note.invoice
    base = invoice_document(invoice, annex=False)
    kinds = {str(line.pk): line.kind for line in invoice.lines.all()}
    consumer = for_consumer(invoice)
    amounts = items_with_tax(note) if consumer else [int(item["amount_minor"]) for item in note.items]
    lines = tuple(
        DocumentLine(
            description=clean(
                line_words(
                    str(item.get("description", "")), kinds.get(str(item.get("line")), ""), base.locale
                )
            ),
            kind="one_off",
            units=Decimal(1),
            unit_amount=Decimal(0),
            amount_minor=amount,
            tax_rate=Decimal(0),
            tax_minor=int(item.get("tax_minor", 0)),
        )
        for item, amount in zip(note.items, amounts, strict=True)
    )
    return InvoiceDocument(
        kind="credit_note",
        reference=note.public_id,
        number=note.number,
        status=note.status,
        locale=base.locale,
        currency=note.currency,
        timezone=base.timezone,
        issuing_on=note.issuing_on,
        seller=base.seller,
        buyer=base.buyer,
        accent=base.accent,
        groups=(LineGroup("", None, None, lines),),
        taxes=tuple(
            TaxRow(
                tax_name(str(row.get("code", "")), str(row["name"]), base.locale),
                Decimal(str(row["rate"])),
                int(row["base_minor"]),
                int(row["amount_minor"]),
            )
            for row in note.taxes
        ),
        lines_minor=sum(amounts),
        taxes_minor=note.tax_minor,
        total_minor=note.total_minor,
        corrects=invoice.number,
        footer=base.footer,
        logo=base.logo,
        made_at=note.voided_at or note.created_at,
        issued_at=note.created_at,
        voided_on=local_date(note.voided_at, base.timezone) if note.voided_at else None,
        void_reason=void_reason(note.void_reason, base.locale),
        with_tax=consumer,
        only_tax=note.only_tax,
        reverse_charge=base.reverse_charge,
    )


def party(facts: dict[str, str], locale: str, *, legal: bool = False) -> Party:
    """A frozen party as it is printed. The seller signs with its legal name."""
    name = facts.get("legal_name") if legal else facts.get("display_name")
    lines = [facts.get("address_line1"), facts.get("address_line2")]
    lines.append(" ".join(part for part in (facts.get("postal_code"), facts.get("city")) if part))
    lines += [facts.get("state"), country_name(facts.get("country", ""), locale)]
    if not legal and facts.get("legal_name") and facts.get("legal_name") != name:
        lines.insert(0, facts["legal_name"])
    keys = ("tax_id", "legal_number", "email", "phone") if legal else ("tax_id", "legal_number", "email")
    return Party(
        name=clean(name or facts.get("name", ""), 255),
        address=tuple(clean(line, 255) for line in lines if line),
        facts=tuple((key, clean(facts[key], 255)) for key in keys if facts.get(key)),
    )


def country_name(code: str, locale: str) -> str:
    """`DE` as the document's language calls it."""
    if not code:
        return ""
    try:
        return Locale.parse(locale.replace("-", "_")).territories.get(code, code)
    except (UnknownLocaleError, ValueError):
        return Locale("en").territories.get(code, code)


def groups(lines: Iterable[InvoiceLine], locale: str) -> tuple[LineGroup, ...]:
    """Lines as they follow each other, put together by heading and period."""

    def place(line: InvoiceLine) -> tuple[Any, ...]:
        return (line.group, line.subscription_id, line.period_start, line.period_end)

    return tuple(
        LineGroup(clean(title, 255), start, end, tuple(document_line(line, locale) for line in rows))
        for (title, _, start, end), rows in groupby(lines, key=place)
    )


def document_line(line: InvoiceLine, locale: str) -> DocumentLine:
    """A stored line as it is printed, our own words in the document's language."""
    return DocumentLine(
        description=clean(line_words(line.description, line.kind, locale)),
        kind=line.kind,
        units=line.units,
        unit_amount=line.unit_amount,
        amount_minor=line.amount_minor,
        tax_rate=line.tax_rate,
        steps=() if plain(line) else tuple(detail_step(step, locale) for step in line.steps),
    )


def plain(line: InvoiceLine) -> bool:
    """Whether the line says all: no steps, or one of as many units at as much each. Days, packages, rates and flat
    amounts are shown, since nobody could make the amount from units and a mean price.
    """
    if len(line.steps) > 1:
        return False
    return all(
        step.get("kind") != "days"
        and step.get("unit_amount") is not None
        and not Decimal(step.get("flat_amount") or 0)
        and Decimal(step.get("units") or 0) == line.units
        for step in line.steps
    )


def detail_step(step: dict[str, Any], locale: str) -> DetailStep:
    """A frozen step with its decimals back, and its label in the document's language."""

    def number(name: str) -> Decimal | None:
        return Decimal(step[name]) if step.get(name) is not None else None

    return DetailStep(
        label=clean(step_words(str(step.get("label", "")), locale), 200),
        amount=number("amount") or Decimal(0),
        units=number("units"),
        unit_amount=number("unit_amount"),
        flat_amount=number("flat_amount"),
        rate=number("rate"),
    )


def logo_bytes(entity: Any, name: str) -> bytes:
    """The logo as it was at finalisation, when it is still stored."""
    if not name:
        return b""
    storage = entity.logo.storage
    if not storage.exists(name):
        return b""
    with storage.open(name) as file:
        return bytes(file.read())
