"""E-invoices of real invoices and credit notes: valid by the official rules, their sums those of the database."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from lxml import etree
from pypdf import PdfReader

from billing.models import Organization
from billing.rules.money import from_minor
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.crediting import CreditReason, CreditRequest, issue_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.publish import publish_invoice
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.api import Api
from tests.factories.catalog import charge, make_metric, make_tax
from tests.factories.customers import make_customer
from tests.factories.invoicing import (
    billed_customer,
    default_tax,
    give_coupon,
    make_plan,
    make_wallet,
    on,
    set_entity,
    subscribe,
)
from tests.factories.pages import htmx, statuses, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in
from tests.services.en16931 import faults
from tests.services.peppol import peppol_faults

pytestmark = pytest.mark.django_db
PLACE = {"address_line1": "Hauptstr. 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
PAYABLE = "//*[local-name()='PayableAmount' or local-name()='DuePayableAmount']"
VIEWERS = {"admin": 200, "manager": 200, "finance": 200, "support": 200, "stranger": 404}


@pytest.fixture
def organization() -> Organization:
    found = make_organization()
    set_entity(found, tax_id="DE136695976", legal_name="Tarn Works GmbH", grace_period_days=0, **PLACE)
    return found


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def acme(organization: Organization, **fields: object) -> Customer:
    """A German business with an electronic address."""
    return billed_customer(
        organization,
        **{"name": "Acme AG", "country": "DE", "city": "Bonn", "email": "ap@acme.example"} | fields,
    )


def valid(staff: Client, noun: str, row: object, minor: int, currency: str = "EUR") -> None:
    """Both files pass the rules, and ask for that much."""
    for syntax in ("ubl", "cii"):
        content = staff.get(reverse(f"{noun}-xml", args=[row]), {"format": syntax}).content
        assert faults(content, syntax) == []
        [asked] = etree.fromstring(content).xpath(PAYABLE)
        assert Decimal(asked.text) == from_minor(minor, currency)


def test_a_bill_with_usage_a_coupon_two_rates_and_wallet_credits(
    staff: Client, organization: Organization
) -> None:
    """Fee 100.33 at 19 %, a minimum of 77.77 at 7 %: 178.10, less a third is 118.73; taxes on it; 20.00 prepaid."""
    default_tax(organization, "19")
    low = make_tax(organization, rate="7")
    metric = make_metric(organization, aggregation="count")
    plan = make_plan(organization, 10033, charge(metric, min_amount_minor=7777))
    plan.charges.get().taxes.add(low)
    customer = acme(organization)
    give_coupon(customer, on(2026, 1, 1), percentage=Decimal("33.333"), frequency="forever")
    make_wallet(customer, "20", on(2026, 1, 1))
    subscribe(customer, plan, on(2026, 1, 1), billing_time="calendar")
    run(at=on(2026, 2, 1, 1))
    invoice = Invoice.objects.get(customer=customer, status="finalized")
    assert invoice.coupons_minor == 5937 and invoice.wallet_credits_minor == 2000
    assert invoice.tax_rows.count() == 2
    valid(staff, "invoice", invoice, invoice.total_minor)


def test_an_invoice_and_what_is_credited_of_it(staff: Client, organization: Organization) -> None:
    default_tax(organization, "19")
    items = [Item("Set-up", Decimal(100)), Item("Half a day", Decimal("333.33"), Decimal("0.5"))]
    invoice = create_one_off(
        acme(organization), items, finalize=True, purchase_order="PO 7", by=ACTOR, at=NOW
    )
    valid(staff, "invoice", invoice, invoice.total_minor)
    first = invoice.lines.order_by("position")[0]
    request = CreditRequest(items={str(first.pk): 4000})
    reason = CreditReason.ORDER_CHANGE
    note = issue_credit_note(invoice, request, reason=reason, key="test", by=ACTOR, at=NOW)
    assert note.total_minor == 4760
    valid(staff, "credit-note", note, note.total_minor)


def test_an_exempt_tax_says_why(staff: Client, organization: Organization) -> None:
    make_tax(organization, rate="0", category="E", exemption_code="VATEX-EU-132-1I", applied_by_default=True)
    invoice = create_one_off(
        acme(organization), [Item("Course", Decimal(50))], finalize=True, by=ACTOR, at=NOW
    )
    valid(staff, "invoice", invoice, 5000)
    assert b"VATEX-EU-132-1I" in staff.get(reverse("invoice-xml", args=[invoice])).content
    drawer = text(staff.get(reverse("invoice-e-invoice", args=[invoice]), headers=htmx("drawer")))
    assert "Exempt" in drawer and "VATEX-EU-132-1I" in drawer and "<title>" not in drawer


def test_without_tax_it_is_out_of_scope_and_yen_have_no_decimals(
    staff: Client, organization: Organization
) -> None:
    set_entity(organization, legal_number="HRB 1")
    customer = acme(organization, currency="JPY", country="JP")
    invoice = create_one_off(customer, [Item("Work", Decimal(1500))], finalize=True, by=ACTOR, at=NOW)
    valid(staff, "invoice", invoice, 1500, "JPY")


def test_a_consumer_and_a_business_abroad(staff: Client, organization: Organization) -> None:
    """Prices with tax: 3 x 0.35 at 19 %; reverse charge is decided by the VAT status alone."""
    default_tax(organization, "19")
    items = [Item("Ticket", Decimal("0.35"), Decimal(3)), Item("Ticket", Decimal("0.35"))]
    person = acme(organization, customer_type="consumer")
    invoice = create_one_off(person, items, finalize=True, by=ACTOR, at=NOW)
    valid(staff, "invoice", invoice, invoice.total_minor)
    french = {
        "country": "FR",
        "tax_id": "FR40303265045",
        "customer_type": "business",
        "email": "b@acme.example",
    }
    abroad = acme(organization, **french)
    Customer.objects.filter(pk=abroad.pk).update(vat_status="valid")
    abroad.refresh_from_db()
    invoice = create_one_off(abroad, items, finalize=True, by=ACTOR, at=NOW)
    assert invoice.reverse_charge
    valid(staff, "invoice", invoice, 140)
    assert b"VATEX-EU-AE" in staff.get(reverse("invoice-xml", args=[invoice])).content


def test_what_the_norm_cannot_say_is_refused(staff: Client, organization: Organization) -> None:
    """Two taxes on a line; a credit note over the tax alone."""
    default_tax(organization, "19")
    one = create_one_off(acme(organization), [Item("Work", Decimal(10))], finalize=True, by=ACTOR, at=NOW)
    reason = CreditReason.ORDER_CHANGE
    note = issue_credit_note(one, CreditRequest(only_tax=True), reason=reason, key="t", by=ACTOR, at=NOW)
    assert "BT-131" in text(staff.get(reverse("credit-note-e-invoice", args=[note])))
    default_tax(organization, "1.5")
    two = create_one_off(
        acme(organization, email="b@acme.example"),
        [Item("Work", Decimal(10))],
        finalize=True,
        by=ACTOR,
        at=NOW,
    )
    assert "BT-151" in text(staff.get(reverse("invoice-e-invoice", args=[two])))
    for name, row in (("invoice-xml", two), ("credit-note-xml", note)):
        assert staff.get(reverse(name, args=[row])).status_code == 409


def test_what_is_missing_is_said_with_the_way_to_mend_it(staff: Client, organization: Organization) -> None:
    default_tax(organization, "19")
    customer = make_customer(organization, name="Nowhere", currency="EUR", email="", prefer_einvoice=True)
    draft = create_one_off(customer, [Item("Work", Decimal(1))], by=ACTOR, at=NOW)
    page = text(staff.get(reverse("invoice-e-invoice", args=[draft])))
    assert "BT-55" in page and "BT-49" in page and reverse("customer-edit", args=[customer]) in page
    assert staff.get(reverse("invoice-xml", args=[draft])).status_code == 409
    asked = text(staff.get(reverse("invoice-finalize", args=[draft]), headers=htmx("dialog")))
    assert "would be no e-invoice" in asked and "BT-55" in asked
    final = create_one_off(customer, [Item("Work", Decimal(1))], finalize=True, by=ACTOR, at=NOW)
    status, answer = Api(organization).get(f"/invoices/{final.public_id}/xml")
    assert status == 409 and "BT-55" in str(answer) and "e_invoice_incomplete" in str(answer)
    good = create_one_off(acme(organization), [Item("Work", Decimal(1))], finalize=True, by=ACTOR, at=NOW)
    assert staff.get(reverse("invoice-xml", args=[good]), {"format": "pdf"}).status_code == 400
    void_invoice(good, by=ACTOR, at=NOW)
    assert staff.get(reverse("invoice-xml", args=[good])).status_code == 409
    assert "Voided" in text(staff.get(reverse("invoice-e-invoice", args=[good])))


def test_the_pdf_carries_it_where_the_issuer_wants_that(
    staff: Client, organization: Organization, settings: Any, tmp_path: Path
) -> None:
    """A complete one stands in the PDF; an incomplete one does not keep the PDF from being made."""
    settings.MEDIA_ROOT = str(tmp_path)
    default_tax(organization, "19")
    set_entity(organization, e_invoices="inside")
    for customer, carried in ((acme(organization), True), (billed_customer(organization, country=""), False)):
        row = create_one_off(customer, [Item("Work", Decimal(9))], finalize=True, by=ACTOR, at=NOW)
        publish_invoice(row.pk)
        row.refresh_from_db()
        found = PdfReader(row.pdf.open("rb")).attachments
        assert found == (
            {"factur-x.xml": [staff.get(reverse("invoice-xml", args=[row]), {"format": "cii"}).content]}
            if carried
            else {}
        )


def test_what_peppol_misses_is_said_beside_the_files(staff: Client, organization: Organization) -> None:
    """A business with an e-mail address alone: an e-invoice, but none for the network until there is a number."""
    default_tax(organization, "19")
    set_entity(organization, phone="+49 30 901820", email="billing@tarn.example")
    customer = acme(organization)
    items = [Item("Work", Decimal(1))]
    by_mail = create_one_off(customer, items, finalize=True, by=ACTOR, at=NOW)
    page = text(staff.get(reverse("invoice-e-invoice", args=[by_mail])))
    assert "Not for Peppol" in page and "BT-49" in page and "BT-53" in page
    assert reverse("customer-edit", args=[customer]) in page
    assert peppol_faults(staff.get(reverse("invoice-xml", args=[by_mail])).content)
    Customer.objects.filter(pk=customer.pk).update(postal_code="53111", peppol_id="9930:DE136695976")
    customer.refresh_from_db()
    sent = create_one_off(customer, items, finalize=True, purchase_order="PO 7", by=ACTOR, at=NOW)
    page = text(staff.get(reverse("invoice-e-invoice", args=[sent])))
    assert "Not for Peppol" not in page and "all that Peppol does" in page
    assert peppol_faults(staff.get(reverse("invoice-xml", args=[sent])).content) == []
    reason = CreditReason.ORDER_CHANGE
    part = CreditRequest(items={str(sent.lines.get().pk): 40})
    note = issue_credit_note(sent, part, reason=reason, key="p", by=ACTOR, at=NOW)
    assert peppol_faults(staff.get(reverse("credit-note-xml", args=[note])).content) == []


def test_the_days_of_an_invoice_cover_those_of_its_lines(staff: Client, organization: Organization) -> None:
    """A plan paid ahead, usage paid behind: two months on one invoice."""
    default_tax(organization, "19")
    set_entity(organization, phone="+49 30 901820", email="billing@tarn.example")
    metric = make_metric(organization, aggregation="count")
    plan = make_plan(
        organization, 10000, charge(metric, min_amount_minor=500), interval="monthly", pay_in_advance=True
    )
    customer = acme(organization, postal_code="53111", peppol_id="9930:DE136695976")
    subscribe(customer, plan, on(2026, 1, 1), billing_time="calendar")
    run(at=on(2026, 2, 1, 1))
    invoice = Invoice.objects.filter(customer=customer).latest("created_at")
    content = staff.get(reverse("invoice-xml", args=[invoice])).content
    assert peppol_faults(content) == []
    starts = [node.text for node in etree.fromstring(content).iter("{*}StartDate")]
    assert starts[0] == min(starts) == "2026-01-01" and max(starts) == "2026-02-01"


def test_who_may(organization: Organization) -> None:
    default_tax(organization, "19")
    invoice = create_one_off(acme(organization), [Item("Work", Decimal(1))], finalize=True, by=ACTOR, at=NOW)
    for name in ("invoice-e-invoice", "invoice-xml"):
        assert statuses(organization, reverse(name, args=[invoice])) == VIEWERS
