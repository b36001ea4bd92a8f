"""One invoice, three documents: the PDF, the e-invoice and the database say the same, and saying it again gives
the same bytes.
"""

from __future__ import annotations

import re
from decimal import Decimal
from io import BytesIO

import pytest
from defusedxml.ElementTree import fromstring
from pypdf import PdfReader

from billing.models import Organization
from billing.rules.money import from_minor
from billing.web.formats import money_text
from invoicing.actions.one_off import Item, create_one_off
from invoicing.documents.pdf import render_pdf
from invoicing.models import Invoice
from invoicing.queries.document import invoice_document
from invoicing.queries.e_invoice_xml import e_invoice_xml
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax, set_entity
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
SELLER = {
    "legal_name": "Tarn Works GmbH",
    "address_line1": "Hauptstr. 1",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
    "tax_id": "DE136695976",
    "legal_number": "HRB 1",
    "email": "billing@tarn.example",
    "phone": "+49 30 901820",
    "locale": "en",
}
BUYER = {
    "name": "Acme SAS",
    "country": "FR",
    "city": "Lyon",
    "address_line1": "1 rue A",
    "postal_code": "69001",
}


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    set_entity(organization, **SELLER)
    default_tax(organization, "19")
    return organization


def issued(organization: Organization, currency: str) -> Invoice:
    customer = make_customer(
        organization, currency=currency, email="ap@acme.example", customer_type="business", **BUYER
    )
    items = [
        Item("Set-up", Decimal("1234.565") if currency != "JPY" else Decimal("1234.5")),
        Item("Hours", Decimal("33.335"), Decimal("2.5")),
        Item("More", Decimal("0.005"), Decimal(3)),
    ]
    return create_one_off(customer, items, finalize=True, by=ACTOR, at=NOW)


def text_of(pdf: bytes) -> str:
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    return re.sub(r"\s+", "", text)


def amounts_of(xml: bytes) -> dict[str, Decimal]:
    """The totals of a UBL invoice by their names."""
    found = {}
    for node in fromstring(xml).iter():
        name = node.tag.rpartition("}")[2]
        if name in (
            "LineExtensionAmount",
            "TaxInclusiveAmount",
            "TaxExclusiveAmount",
            "PayableAmount",
            "TaxAmount",
        ):
            found.setdefault(name, Decimal(str(node.text)))
    return found


@pytest.mark.parametrize("currency", ["EUR", "JPY", "USD"])
def test_pdf_e_invoice_and_database_agree(organization: Organization, currency: str) -> None:
    invoice = issued(organization, currency)
    pdf = render_pdf(invoice_document(invoice))
    text = text_of(pdf)
    for minor in (
        invoice.total_minor,
        invoice.taxes_minor,
        *invoice.lines.values_list("amount_minor", flat=True),
    ):
        assert re.sub(r"\s+", "", money_text(minor, currency)) in text, minor
    xml = e_invoice_xml(invoice, "ubl")
    found = amounts_of(xml)
    assert found["TaxAmount"] == from_minor(invoice.taxes_minor, currency)
    assert found["TaxInclusiveAmount"] == from_minor(invoice.total_minor, currency)
    assert found["PayableAmount"] == from_minor(invoice.total_minor, currency)
    again = Invoice.objects.get(pk=invoice.pk)
    assert e_invoice_xml(again, "ubl") == xml
    assert render_pdf(invoice_document(again)) == pdf
