"""What stands on paper: rows whole, headers repeated, all scripts, totals, references and page numbers."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal

import pytest
from pypdf import PdfReader

from invoicing.documents.data import Deduction, DetailStep, Party
from invoicing.documents.pdf import render_pdf
from tests.factories.documents import make_document, make_line, page_count, pdf_pages, pdf_text


def test_a_long_invoice_keeps_rows_whole_and_repeats_the_header() -> None:
    lines = []
    for number in range(120):
        # every third description needs two printed lines: first and last word must stay on one page
        more = " and a description that is so long that it takes a second line" if number % 3 == 0 else ""
        lines.append(make_line(f"first{number:03d}{more} last{number:03d}"))
    pages = pdf_pages(render_pdf(make_document(lines)))
    assert len(pages) > 2
    for number in range(120):
        homes = [index for index, page in enumerate(pages) if f"first{number:03d}" in page]
        ends = [index for index, page in enumerate(pages) if f"last{number:03d}" in page]
        assert len(homes) == 1
        assert homes == ends
    whole = "\n".join(pages)
    assert all(whole.count(f"first{number:03d}") == 1 for number in range(120))
    for index, page in enumerate(pages, start=1):
        if "first" in page:
            assert "Description" in page
            assert "Unit price" in page
        assert f"Page {index} of {len(pages)}" in page
        assert "Acme GmbH · ACM-001-001" in page


def test_steps_stay_below_their_line_and_hide_the_mean_price() -> None:
    steps = (
        DetailStep("First 1,000 units", Decimal(100), Decimal(1000), Decimal("0.10")),
        DetailStep("Above 1,000 units", Decimal(15), Decimal(200), Decimal("0.05"), Decimal(5)),
    )
    text = pdf_text(render_pdf(make_document([make_line("API calls", 11500, steps)])))
    rows = [re.sub(r"\s+", " ", row).strip() for row in text.splitlines()]
    assert "API calls 1 20 % €115.00" in rows
    assert "First 1,000 units 1,000 0.10 100.00" in rows
    assert "Above 1,000 units 200 0.05 + 5.00 15.00" in rows


def test_totals_stand_in_the_order_they_are_computed() -> None:
    document = make_document(
        [make_line("Fee", 53000)],
        before_tax=(Deduction("coupon", "Welcome", 10000),),
        after_tax=(Deduction("credit_note", "CN-1", 5900), Deduction("wallet", "Prepaid", 30000)),
        taxes_minor=8600,
        total_minor=15700,
    )
    text = pdf_text(render_pdf(document))
    after = text[text.index("Subtotal") :]
    found = [
        after.index(word)
        for word in (
            "Subtotal",
            "Coupon: Welcome",
            "Credit note: CN-1",
            "Prepaid credits: Prepaid",
            "Total  ",
        )
    ]
    assert found == sorted(found)
    for amount in ("€530.00", "−€100.00", "€430.00", "−€59.00", "−€300.00", "€157.00"):
        assert amount in after


SCRIPTS = {
    "Greek": "Ελληνική Εταιρεία",
    "Cyrillic": "Українська Компанія",
    "Arabic": "شركة الاختبار",
    "Hebrew": "חברת בדיקה",
    "Chinese": "测试有限公司",
    "Japanese": "株式会社テスト",
    "Korean": "테스트 주식회사",
    "Vietnamese": "Công ty Thử nghiệm",
    "Thai": "บริษัททดสอบ",
    "Hindi": "परीक्षण",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_has_letters(script: str) -> None:
    """A missing letter would have no code in the PDF, so the text would not come back."""
    name = SCRIPTS[script]
    text = pdf_text(render_pdf(make_document(buyer=Party(name, ()))))
    squeezed = "".join(char for char in text if not char.isspace())
    wanted = "".join(char for char in name if not char.isspace())
    if script in ("Arabic", "Hebrew", "Hindi"):  # poppler gives words in visual order, vowel signs apart
        assert set(wanted) - set(squeezed) == set()
    else:
        assert wanted in squeezed
    assert "\ufffd" not in text


def test_long_words_and_names_stay_on_the_page() -> None:
    name = "W" * 200
    pdf = render_pdf(make_document([make_line("x" * 900)], buyer=Party(name, (name,)), notes="n" * 3000))
    text = "".join(pdf_text(pdf).split())
    assert name in text
    assert text.count("x") >= 900
    assert page_count(pdf) <= 3


def test_a_voided_invoice_says_so_and_asks_for_nothing() -> None:
    text = pdf_text(render_pdf(make_document(status="voided", payment_details="IBAN DE02")))
    assert "Void" in text
    assert "Amount due" not in text
    assert "IBAN" not in text


WORDS = {
    ("en", "invoice"): "VOID · 9 Mar 2026 Reason: Wrong customer",
    ("de", "invoice"): "STORNIERT · 9. März 2026 Grund: Wrong customer",
    ("fr", "invoice"): "ANNULÉE · 9 mars 2026 Motif: Wrong customer",
    ("fr", "credit_note"): "ANNULÉ · 9 mars 2026 Motif: Wrong customer",
    ("es", "credit_note"): "ANULADA · 9 mar 2026 Motivo: Wrong customer",
}


@pytest.mark.parametrize(("locale", "kind"), WORDS)
def test_the_stamp_stands_on_every_page_and_says_when_and_why(locale: str, kind: str) -> None:
    lines = [make_line(f"Line {number}") for number in range(60)]
    fields = {"locale": locale, "kind": kind, "void_reason": "Wrong customer", "voided_on": date(2026, 3, 9)}
    document = make_document(lines, status="voided", **fields)
    pdf = render_pdf(document)
    assert " ".join(pdf_text(pdf).split()).count(WORDS[locale, kind]) == 1
    word = WORDS[locale, kind].split(" ", maxsplit=1)[0]
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) > 1
    for page in pages:
        # the letters of the stamp, in the order in which they are set
        assert word in "".join((page.extract_text() or "").split())
    before = render_pdf(document.as_issued())
    assert before == render_pdf(make_document(lines, locale=locale, kind=kind, made_at=None))
    assert word not in pdf_text(before).upper()


def test_a_page_that_is_not_the_last_of_the_lines_carries_their_sum() -> None:
    pages = pdf_pages(render_pdf(make_document([make_line(f"Line {number}") for number in range(90)])))
    assert len(pages) > 2
    seen = 0
    for page in pages[:-1]:
        seen += page.count("Line ")
        if seen < 90:
            assert f"Carried forward: €{seen * 10:,.2f}" in page
    assert "Brought forward" not in pages[0]
    assert f"Brought forward: €{pages[0].count('Line ') * 10:,.2f}" in pages[1]
    assert "Carried forward" not in pages[-1]
    assert "forward" not in pdf_text(render_pdf(make_document()))


def test_the_legal_words_never_stand_alone_on_a_page() -> None:
    """Twelve lines leave room for how to pay, but not for what stands below it."""
    lines = [make_line(f"Line {number}") for number in range(12)]
    pages = pdf_pages(render_pdf(make_document(lines, payment_details="IBAN X", footer="Legal words")))
    assert len(pages) == 2
    assert "IBAN X" in pages[-1] and "Legal words" in pages[-1]
