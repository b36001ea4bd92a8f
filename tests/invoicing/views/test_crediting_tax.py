"""The drawer over the tax alone and with a consumer's prices, and the same over the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import CreditNote, Invoice, InvoiceLine
from invoicing.queries.crediting import creditable
from tests.factories.api import Api
from tests.factories.catalog import make_tax
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization

pytestmark = pytest.mark.django_db


def invoiced(**fields: Any) -> Invoice:
    """An issued invoice over 100.00 and 50.00 at 19 %."""
    organization = make_organization("Acme")
    tax = make_tax(organization, "vat", rate="19", name="VAT")
    customer = make_customer(organization, currency="EUR", **fields)
    items = [Item("Work", Decimal(100)), Item("Travel", Decimal(50))]
    return create_one_off(customer, items, taxes=[tax], finalize=True, by=ACTOR, at=NOW)


def staff_of(invoice: Invoice) -> Client:
    client = Client()
    client.force_login(make_member(invoice.organization, "admin").user)
    return client


def text(answer: Any) -> str:
    """The words of a page without its tags."""
    return " ".join(strip_tags(answer.content.decode()).split())


def test_a_link_opens_the_drawer_over_all_the_tax() -> None:
    invoice = invoiced()
    staff, url = staff_of(invoice), reverse("invoice-credit", args=[invoice])
    page = staff.get(url, {"mode": "tax"})
    shown = text(page)
    assert page.context["estimate"].total_minor == 2850
    assert "€28.50 left of €28.50" in shown and "Only the tax" in shown
    [tax] = creditable(invoice).taxes
    data = {"mode": "tax", "reason": "tax_correction"}
    refused = staff.post(url, data | {f"tax-{tax.key}": "28.51", "once": "tax-much"})
    assert refused.status_code == 422 and "More than is left of this tax." in text(refused)
    assert staff.post(url, data | {f"tax-{tax.key}": "28.50", "once": "tax-all"}).status_code == 302
    note = CreditNote.objects.get()
    assert (note.net_minor, note.tax_minor, note.reason) == (0, 2850, "tax_correction")
    assert "Only the tax is credited" in text(staff.get(reverse("credit-note", args=[note])))
    again = staff.get(url, {"mode": "tax"})
    assert not again.context["form"].initial and "Only the tax" not in text(again)


def test_a_consumers_lines_are_credited_with_tax() -> None:
    invoice = invoiced(customer_type="consumer")
    staff, url = staff_of(invoice), reverse("invoice-credit", args=[invoice])
    shown = text(staff.get(url))
    assert "€119.00 left with tax" in shown and "€59.50 left with tax" in shown and "before tax" not in shown
    work = InvoiceLine.objects.get(invoice=invoice, description="Work")
    data = {"mode": "lines", f"line-{work.pk}": "119", "reason": "other", "once": "gross"}
    estimated = text(staff.post(url, data | {"estimate": "1"}))
    assert "including tax" in estimated and "€19.00" in estimated
    refused = staff.post(url, data | {f"line-{work.pk}": "119.01", "once": "gross-much"})
    assert refused.status_code == 422 and "More than is left of the line." in text(refused)
    assert staff.post(url, data).status_code == 302
    note = CreditNote.objects.get()
    assert (note.net_minor, note.tax_minor, note.total_minor) == (10000, 1900, 11900)


def test_the_api_credits_taxes() -> None:
    invoice = invoiced()
    api = Api(invoice.organization)
    body = {"invoiceId": invoice.public_id, "reason": "TAX_CORRECTION"}
    status, seen = api.post("/credit-notes/estimate", body | {"taxOnly": True})
    assert status == 200 and seen["data"]["amount"] == 0 and seen["data"]["total"] == 28.5
    assert seen["data"]["maxTaxAmount"] == 28.5 and not CreditNote.objects.exists()
    part = body | {"taxes": [{"code": "vat", "amount": 8.5}]}
    status, made = api.post("/credit-notes", part)
    assert (status, made["data"]["total"], made["data"]["taxAmount"]) == (201, 8.5, 8.5)
    for wrong in (
        {"taxes": [{"code": "vat", "amount": 20.01}]},
        {"taxes": [{"code": "unknown", "amount": 1}]},
        {"taxes": [{"code": "vat", "amount": 1}, {"code": "vat", "amount": 1}]},
        {"taxes": []},
        {"taxOnly": True, "amount": 5},
    ):
        status, error = api.post("/credit-notes", body | wrong)
        assert status == 400, wrong
        assert "tax" in str(error["error"]), error
    status, rest = api.post("/credit-notes", body | {"tax_only": True})
    assert (status, rest["data"]["total"]) == (201, 20)
    status, error = api.post("/credit-notes", body | {"tax_only": True})
    assert error["error"]["code"] == "no_tax_left"
    stranger = Api(make_organization("Other"))
    assert stranger.post("/credit-notes", body | {"taxOnly": True})[0] == 400
