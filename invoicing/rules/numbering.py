"""Document numbers: how a sequence is written.

Laws. Per billing entity: PREFIX-YYYYMM-NNN, one gapless sequence whatever the month; taken up later, it goes on
after the number of invoices issued before. Per customer: PREFIX-CCC-SSS, the customer and the number of its invoice.
Numbers are padded to three digits and grow beyond. A draft has no number yet, only PREFIX-DRAFT. A credit note is its
invoice's number and CN with three digits. Receipts: PREFIX-R-YYYYMM-NNN, one gapless sequence per billing entity,
whatever the style of its invoices. Who counts is a locked row, not this module.

Example: prefix ACM-12AB, 7th invoice, November 2026: ACM-12AB-202611-007; its second credit note
is ACM-12AB-202611-007-CN002. Its 12th receipt: ACM-12AB-R-202611-012.
"""

import re
import unicodedata
from datetime import date
from enum import StrEnum

from billing.rules.errors import Invalid

_PREFIX = re.compile(r"[A-Z0-9][A-Z0-9_./-]{0,9}")


class Numbering(StrEnum):
    PER_CUSTOMER = "per_customer"
    PER_BILLING_ENTITY = "per_billing_entity"


def default_prefix(name: str, identity: str) -> str:
    """First three letters of the name (accents dropped) and the last four of the id: "ACM-12AB"."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = re.sub(r"[^A-Za-z0-9]", "", plain)[:3].upper() or "INV"
    return f"{letters}-{identity[-4:].upper()}"


def check_prefix(prefix: str) -> str:
    """The prefix in capitals, or Invalid: 1 to 10 letters, digits, and - _ . / inside."""
    candidate = prefix.strip().upper()
    if not _PREFIX.fullmatch(candidate):
        message = "Must be 1 to 10 letters or digits; - _ . / may stand inside."
        raise Invalid(message, code="invalid_prefix", field="documentNumberPrefix")
    return candidate


def entity_number(prefix: str, on: date, sequence: int) -> str:
    """Number `sequence` of the billing entity, issued on the local day `on`."""
    return f"{prefix}-{on:%Y%m}-{sequence:03d}"


def customer_number(prefix: str, customer_sequence: int, invoice_sequence: int) -> str:
    """Invoice number `invoice_sequence` of customer number `customer_sequence`."""
    return f"{prefix}-{customer_sequence:03d}-{invoice_sequence:03d}"


def invoice_number(
    numbering: Numbering,
    prefix: str,
    *,
    on: date,
    entity_sequence: int | None = None,
    customer_sequence: int | None = None,
    invoice_sequence: int | None = None,
) -> str:
    """The number in the chosen style. ValueError when the sequences of that style are missing."""
    if numbering == Numbering.PER_BILLING_ENTITY:
        if entity_sequence is None:
            raise ValueError("A number per billing entity needs entity_sequence.")
        return entity_number(prefix, on, entity_sequence)
    if customer_sequence is None or invoice_sequence is None:
        raise ValueError("A number per customer needs customer_sequence and invoice_sequence.")
    return customer_number(prefix, customer_sequence, invoice_sequence)


def draft_number(prefix: str) -> str:
    """What is shown before there is a number."""
    return f"{prefix}-DRAFT"


def credit_note_number(invoice: str, sequence: int) -> str:
    """The `sequence`-th credit note of the invoice numbered `invoice`."""
    return f"{invoice}-CN{sequence:03d}"


def receipt_number(prefix: str, on: date, sequence: int) -> str:
    """Receipt `sequence` of the billing entity, issued on the local day `on`."""
    return f"{prefix}-R-{on:%Y%m}-{sequence:03d}"
