"""E-invoices inside PDFs: PDF/A-3, found by others' readers, the same bytes each time."""

from __future__ import annotations

import io
from dataclasses import replace

import facturx
from page import ValidationProfile, validate_pdf_bytes
from pypdf import PdfReader

from invoicing.documents.cii import cii
from invoicing.documents.pdf import render_pdf
from tests.factories.documents import make_document, make_line
from tests.invoicing.documents.test_e_invoices import CASES

# A packed file may end with a carriage return, which this validator counts as the end of its line.
FALSE_ALARM = {"PDFA3B-STREAM-LENGTH-001"}


def rules_broken(content: bytes) -> set[str]:
    """What keeps a PDF from being a PDF/A-3b."""
    report = validate_pdf_bytes(content, profile=ValidationProfile.PDF_A_3B)
    return {failure.rule_id for failure in report.failures} - FALSE_ALARM


def test_the_pdf_carries_the_e_invoice_for_every_reader() -> None:
    xml = cii(CASES["two rates"])
    document = replace(make_document([make_line("Fee", 6000)]), notes="Ärger, Ωmega, 東京")
    content = render_pdf(document, xml)
    assert rules_broken(content) == set()
    assert render_pdf(document, xml) == content
    name, found = facturx.get_xml_from_pdf(content)
    assert (name, found) == ("factur-x.xml", xml)
    reader = PdfReader(io.BytesIO(content))
    assert reader.attachments == {"factur-x.xml": [xml]}
    metadata = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
    for text in ("<fx:ConformanceLevel>EN 16931<", "<fx:DocumentFileName>factur-x.xml<", "pdfaid:part"):
        assert text in metadata


def test_without_one_it_is_a_plain_pdf() -> None:
    content = render_pdf(make_document([make_line("Fee", 6000)]))
    assert not PdfReader(io.BytesIO(content)).attachments and rules_broken(content)
