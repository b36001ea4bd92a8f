"""The bytes of an e-invoice, refused with what is missing."""

from __future__ import annotations

from billing.rules.errors import Conflict, Invalid
from invoicing.documents.cii import cii
from invoicing.documents.ubl import ubl
from invoicing.models import CreditNote, Invoice
from invoicing.queries.e_invoice import e_invoice, missing_of
from invoicing.rules.states import InvoiceStatus

SYNTAXES = {"ubl": ubl, "cii": cii}


def e_invoice_xml(row: Invoice | CreditNote, syntax: str) -> bytes:
    """An issued document as UBL or CII. Raises Invalid for another syntax, and Conflict for what is no e-invoice: a
    draft, a voided document, one that lacks something (code e_invoice_incomplete, the message says what).
    """
    if syntax not in SYNTAXES:
        raise Invalid(f"Use one of {', '.join(SYNTAXES)}.", field="format")
    if not row.number:
        raise Conflict("A draft is no e-invoice yet: finalise it first.", code="invoice_not_finalized")
    if row.status == InvoiceStatus.VOIDED.value:
        raise Conflict("A voided document has no e-invoice.", code="document_voided")
    document = e_invoice(row)
    if found := missing_of(row, document):
        text = " ".join(f"{item.term}: {item.text}" for item in found)
        raise Conflict(f"This is no e-invoice. {text}", code="e_invoice_incomplete")
    return SYNTAXES[syntax](document)
