"""From a receipt to the printed document: all that it prints is frozen in its row."""

from __future__ import annotations

from datetime import date
from typing import Any

from billing.rules.periods import local_date
from invoicing.documents.clean import clean
from invoicing.documents.receipt import ReceiptDocument, ReceiptItem
from invoicing.models import ProviderType, Receipt
from invoicing.queries.document import logo_bytes, party

NAMES = dict(ProviderType.choices) | {ProviderType.MANUAL.value: ""}


def receipt_document(receipt: Receipt) -> ReceiptDocument:
    """The document of a receipt."""
    letterhead = receipt.seller
    return ReceiptDocument(
        reference=receipt.public_id,
        number=receipt.number,
        locale=receipt.locale or "en",
        currency=receipt.currency,
        issued_on=local_date(receipt.issued_at, receipt.timezone),
        paid_on=local_date(receipt.paid_at, receipt.timezone),
        seller=party(letterhead, receipt.locale, legal=True),
        buyer=party(receipt.buyer, receipt.locale),
        accent=letterhead.get("brand_color", ""),
        amount_minor=receipt.amount_minor,
        on_account_minor=receipt.on_account_minor,
        items=tuple(item(row) for row in receipt.items),
        method=clean(NAMES.get(receipt.provider, receipt.provider.replace("_", " ").capitalize()), 60),
        payment_reference=clean(receipt.reference, 100),
        footer=clean(letterhead.get("invoice_footer", ""), 600),
        logo=logo_bytes(receipt.billing_entity, letterhead.get("logo", "")),
        made_at=receipt.issued_at,
    )


def item(row: dict[str, Any]) -> ReceiptItem:
    """A frozen row with its day back."""
    on = row["issued_on"]
    return ReceiptItem(
        row["number"],
        date.fromisoformat(on) if on else None,
        row["total_minor"],
        row["amount_minor"],
        row["left_minor"],
    )
