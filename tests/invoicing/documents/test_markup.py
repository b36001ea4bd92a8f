"""The quick way into the renderer and out of it: the same paper as the renderer's own way, byte for byte."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from weasyprint import HTML

from billing.celery import share_what_is_loaded
from invoicing.documents import pdf
from invoicing.documents.data import DetailStep, InvoiceDocument, Party, UsageRow, UsageTable
from invoicing.documents.markup import Markup
from invoicing.documents.receipt import ReceiptDocument, ReceiptItem
from invoicing.documents.statement import StatementDocument, StatementLine
from invoicing.tasks import before_the_pool
from tests.factories.documents import make_document, make_line, pdf_text

STEPS = (
    DetailStep("First 1,000 units", Decimal(8), Decimal(1000), Decimal("0.008")),
    DetailStep("Above", Decimal(2), Decimal(400), Decimal("0.005"), Decimal(1)),
)
EVIL = "Tom & \"Jerry\" <b>bold</b> 'x' ]]> <!-- &copy; &#10; é\u00a0中"


def invoice(**fields: Any) -> InvoiceDocument:
    """Two pages with tiers, notes, and what markup could choke on."""
    lines = [make_line(f"{EVIL} {number}", 1000, STEPS if number % 9 == 0 else ()) for number in range(24)]
    return make_document(lines, notes=f"{EVIL}\nsecond", footer=EVIL, payment_details="IBAN\nBIC", **fields)


USAGE = (
    UsageTable(
        "Calls", False, tuple(UsageRow(date(2026, 2, day), day, Decimal(day)) for day in range(1, 29))
    ),
)
PAPERS: dict[str, Any] = {
    "invoice": invoice(),
    "right to left": invoice(locale="ar"),
    "Japanese": invoice(locale="ja"),
    "voided": invoice(status="voided", voided_on=date(2026, 3, 1), void_reason=EVIL),
    "usage": invoice(usage=USAGE),
    "close together": make_document([make_line(f"Line {number}") for number in range(201)]),
}


PARTY = Party(EVIL, (EVIL, "Berlin"), (("tax_id", "DE1"), ("legal_number", "HRB 1")))
RECEIPT = ReceiptDocument(
    reference="r1",
    number="REC-1",
    locale="fr",
    currency="EUR",
    issued_on=date(2026, 3, 1),
    paid_on=date(2026, 3, 2),
    seller=PARTY,
    buyer=PARTY,
    accent="#123456",
    amount_minor=3000,
    on_account_minor=1000,
    items=(ReceiptItem("INV-1", date(2026, 2, 1), 5000, 2000, 3000), ReceiptItem(EVIL, None, 1, 1, None)),
    method=EVIL,
    payment_reference="x",
    footer=EVIL,
)
STATEMENT = StatementDocument(
    reference="s1",
    locale="de",
    currency="EUR",
    first=date(2026, 1, 1),
    last=date(2026, 3, 31),
    seller=PARTY,
    buyer=PARTY,
    accent="",
    opening_minor=0,
    closing_minor=100,
    charged_minor=200,
    credited_minor=100,
    lines=(
        StatementLine(date(2026, 1, 2), "invoice", "I-1", "", date(2026, 2, 1), 200, 0, 0, 200),
        StatementLine(date(2026, 1, 3), "credit_note", "C-1", EVIL, None, 0, 100, 0, 100),
    ),
    ages=(("not_due", 100),),
    payment_details="IBAN",
    footer=EVIL,
)


def theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as any page, dress with all of the renderer's own style sheet, and write by itself."""
    monkeypatch.setattr(
        pdf, "Markup", lambda text, fetcher: HTML(string=text, base_url="asset:", url_fetcher=fetcher)
    )
    monkeypatch.setattr(pdf, "pack", lambda document, file: None)


@pytest.mark.parametrize("name", PAPERS)
def test_it_is_the_paper_that_the_renderer_makes_by_itself(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "LEVEL", 9)  # the renderer's
    ours = pdf.render_pdf(PAPERS[name])
    theirs(monkeypatch)
    assert ours == pdf.render_pdf(PAPERS[name])


@pytest.mark.parametrize(
    ("render", "document"), [(pdf.render_receipt, RECEIPT), (pdf.render_statement, STATEMENT)]
)
def test_so_are_receipts_and_statements(
    render: Callable[[Any], bytes], document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "LEVEL", 9)
    ours = render(document)
    theirs(monkeypatch)
    assert ours == render(document)


def test_less_packing_is_hardly_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = pdf.render_pdf(PAPERS["invoice"])
    monkeypatch.setattr(pdf, "LEVEL", 9)
    least = pdf.render_pdf(PAPERS["invoice"])
    assert pdf_text(ours) == pdf_text(least)
    assert len(least) <= len(ours) < len(least) * 1.02


def test_what_markup_cannot_say_is_left_out() -> None:
    found = make_document([make_line("one\x00\x0b\ufffetwo")])
    assert "onetwo" in pdf_text(pdf.render_pdf(found))
    tree = Markup("<html lang='en'><body>a\x01b</body></html>", pdf.Locked({}))
    assert "".join(tree.etree_element.itertext()) == "ab"


def test_a_worker_loads_the_renderer_before_it_forks_and_leaves_it_alone_after() -> None:
    before = gc.get_freeze_count()
    before_the_pool()
    share_what_is_loaded()
    try:
        assert "invoicing.documents.pdf" in sys.modules
        assert gc.get_freeze_count() > max(before, 100_000)
    finally:
        gc.unfreeze()
