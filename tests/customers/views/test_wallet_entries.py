"""From a grant to the lines that it paid and back; 100.00 and 20 percent tax, 50.00 of it by wallet."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Organization, WalletEntry
from invoicing.actions import billing_run
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.api import Api
from tests.factories.invoicing import billed_customer, default_tax, make_plan, make_wallet, on, subscribe
from tests.factories.pages import htmx, queries, text
from tests.factories.people import ACTOR, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def billed(organization: Organization) -> tuple[Invoice, WalletEntry, WalletEntry]:
    """(invoice, the grant, the debit)"""
    default_tax(organization)
    customer = billed_customer(organization)
    wallet = make_wallet(customer, "50", on(2026, 1, 1))
    subscribe(customer, make_plan(organization, 10000), on(2026, 1, 1))
    billing_run.run(on(2026, 2, 1))
    debit, granted = WalletEntry.objects.filter(wallet=wallet)
    return Invoice.objects.get(customer=customer), granted, debit


def test_pages_lead_from_the_grant_to_the_line_and_back(client: Client, organization: Organization) -> None:
    invoice, granted, debit = billed(organization)
    line = invoice.lines.get()
    staff = sign_in(client, make_member(organization))
    grant_page, debit_page = (reverse("wallet-entry", args=[entry]) for entry in (granted, debit))
    page = text(staff.get(reverse("wallet", args=[granted.wallet])))
    assert grant_page in page and debit_page in page
    page = text(staff.get(reverse("invoice", args=[invoice])))
    assert debit_page in page and "Paid from" in page
    page = text(staff.get(grant_page, headers=htmx("drawer")))
    assert page.strip().startswith('<div class="overlay') and "Paid for" in page
    assert invoice.number in page and line.description in page and "50.00" in page
    page = text(staff.get(debit_page))
    assert "Paid from" in page and "Promotional" in page and line.description in page and grant_page in page

    void_invoice(invoice, by=ACTOR, at=on(2026, 2, 2))
    back = WalletEntry.objects.get(kind="returned")
    assert "voided: given back" in text(staff.get(grant_page))
    assert "Gives back" in text(staff.get(reverse("wallet-entry", args=[back])))
    assert queries(staff, grant_page) <= 10
    stranger = sign_in(Client(), make_member(make_organization("Other")))
    assert stranger.get(grant_page).status_code == 404


def test_the_api_names_the_lines(organization: Organization) -> None:
    invoice, granted, debit = billed(organization)
    api, line = Api(organization), invoice.lines.get()
    path = f"/wallets/{granted.wallet.public_id}/transactions"
    data = api.get(f"{path}/{granted.public_id}")[1]["data"]
    part = {
        "transactionId": debit.public_id,
        "invoiceId": invoice.public_id,
        "lineId": line.public_id,
        "description": line.description,
        "amount": Decimal("50.00"),
    }
    assert (data["remainingAmount"], data["promotional"], data["paidFrom"]) == (0, True, [])
    assert data["paidFor"] == [part]
    data = api.get(f"{path}/{debit.public_id}")[1]["data"]
    assert data["paidFrom"] == [part | {"transactionId": granted.public_id}] and data["paidFor"] == []
    other = make_wallet(billed_customer(organization), "5", on(2026, 1, 1))
    path = f"/wallets/{other.public_id}/transactions/{debit.public_id}"
    assert api.get(path)[0] == 404
