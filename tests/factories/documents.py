"""Printed documents without a database, and reading them back."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pypdf import PdfReader

from invoicing.documents.data import DetailStep, DocumentLine, InvoiceDocument, LineGroup, Party, TaxRow

AT = datetime(2026, 3, 1, tzinfo=UTC)


def make_line(description: str, amount_minor: int = 1000, steps: Sequence[DetailStep] = ()) -> DocumentLine:
    """One unit at that price, 20 % tax."""
    price = Decimal(amount_minor) / 100
    return DocumentLine(description, "one_off", Decimal(1), price, amount_minor, Decimal(20), tuple(steps))


def make_document(lines: Sequence[DocumentLine] = (), **fields: Any) -> InvoiceDocument:
    """An invoice in EUR with these lines and 20 % tax that adds up."""
    rows = tuple(lines) or (make_line("Consulting"),)
    net = sum(line.amount_minor for line in rows)
    values: dict[str, Any] = {
        "kind": "invoice",
        "reference": "inv_1",
        "number": "ACM-001-001",
        "status": "finalized",
        "locale": "en",
        "currency": "EUR",
        "timezone": "UTC",
        "issuing_on": date(2026, 3, 1),
        "due_on": date(2026, 3, 31),
        "terms_days": 30,
        "seller": Party("Acme GmbH", ("Long Street 1", "10115 Berlin"), (("tax_id", "DE123456789"),)),
        "buyer": Party("Globex Ltd", ("Short Road 2",)),
        "accent": "#0e6f7c",
        "groups": (LineGroup("Plan", datetime(2026, 2, 1, tzinfo=UTC), AT, rows),),
        "taxes": (TaxRow("VAT", Decimal(20), net, net // 5),),
        "lines_minor": net,
        "taxes_minor": net // 5,
        "total_minor": net + net // 5,
        "made_at": AT,
    }
    return InvoiceDocument(**(values | fields))


def pdf_text(pdf: bytes) -> str:
    """All text in reading order, as poppler finds it."""
    done = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


def pdf_pages(pdf: bytes) -> list[str]:
    """The text of each page."""
    return pdf_text(pdf).split("\f")[:-1]


def page_count(pdf: bytes) -> int:
    """The number of pages."""
    return len(PdfReader(io.BytesIO(pdf)).pages)
