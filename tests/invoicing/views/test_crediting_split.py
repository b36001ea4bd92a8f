"""The drawer "Issue credit note" over an unpaid invoice and over sold credits, and withdrawing what is left."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.actions.wallet_opening import create_wallet
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits
from invoicing.models import CreditNote
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization

pytestmark = pytest.mark.django_db


def sign_in(organization: object) -> Client:
    client = Client()
    client.force_login(make_member(organization, "admin").user)  # type: ignore[arg-type]
    return client


def test_a_note_is_taken_off_what_is_due_and_its_rest_withdrawn() -> None:
    customer = make_customer(make_organization("Acme"))
    invoice = create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    staff, url = sign_in(invoice.organization), reverse("invoice-credit", args=[invoice])
    asked = {"mode": "amount", "amount": "50", "reason": "other", "once": "split-note"}
    too_much = staff.post(url, asked | {"offset": "50.01"})
    assert too_much.status_code == 422 and list(too_much.context["form"].errors) == ["offset"]
    seen = staff.post(url, asked | {"offset": "30", "estimate": "1"})
    assert (seen.context["offset_minor"], seen.context["credit_minor"]) == (3000, 2000)
    assert not CreditNote.objects.exists()
    assert staff.post(url, asked | {"offset": "30"}).status_code == 302
    note = CreditNote.objects.get()
    assert (note.offset_minor, note.balance_minor) == (3000, 2000)

    page, void = reverse("credit-note", args=[note]), reverse("credit-note-void", args=[note])
    assert "Withdraw the rest" in staff.get(page).content.decode()
    assert "Withdraw what is left?" in staff.get(void).content.decode()
    assert staff.post(void, {"reason": "Agreed"}).status_code == 302
    note.refresh_from_db()
    assert (note.status, note.balance_minor, note.withdrawn_minor) == ("finalized", 0, 2000)
    assert "Withdraw the rest" not in staff.get(page).content.decode()
    payload = Api(invoice.organization).get(f"/credit-notes/{note.public_id}")[1]["data"]
    assert (payload["offsetAmount"], payload["withdrawnAmount"], payload["balance"]) == (30, 20, 0)


@pytest.mark.parametrize(("paid", "modes"), [(True, ["amount", "everything"]), (False, ["everything"])])
def test_sold_credits_have_a_drawer_of_their_own(paid: bool, modes: list[str]) -> None:
    customer = make_customer(make_organization("Acme"), currency="EUR")
    wallet = create_wallet(customer, currency="EUR", by=ACTOR, at=NOW)
    invoice = sell_credits(wallet, Decimal(20), by=ACTOR, at=NOW)
    if paid:
        record_payment(invoice, key="p", by=ACTOR, at=NOW)
    staff, url = sign_in(customer.organization), reverse("invoice-credit", args=[invoice])
    form = staff.get(url).context["form"]
    assert [value for value, _ in form.fields["mode"].choices] == modes
    assert not {"refund", "offset"} & set(form.fields)
    assert staff.post(url, {"reason": "order_change", "once": f"sold-{paid}"}).status_code == 302
    note = CreditNote.objects.get()
    assert (note.refund_minor, note.offset_minor) == ((2000, 0) if paid else (0, 2000))
    wallet.refresh_from_db()
    assert wallet.balance_minor == 0
    assert staff.get(url).context["refused"]


def test_the_api_offsets_and_says_how_much_could_be() -> None:
    customer = make_customer(make_organization("Acme"))
    invoice = create_one_off(customer, [Item("Work", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    record_payment(invoice, amount_minor=9000, key="p", by=ACTOR, at=NOW)
    api = Api(invoice.organization)
    body = {"invoiceId": invoice.public_id, "amount": 30, "refundAmount": 15, "offsetAmount": 10}
    _, seen = api.post("/credit-notes/estimate", body)
    found = {name: seen["data"][name] for name in ("creditAmount", "maxRefundAmount", "maxOffsetAmount")}
    assert found == {"creditAmount": 5, "maxRefundAmount": 30, "maxOffsetAmount": 10}
    status, refused = api.post("/credit-notes", body | {"offsetAmount": 10.01})
    assert (status, refused["error"]["code"]) == (400, "more_than_due")
    assert api.post("/credit-notes", body)[0] == 201
    _, after = api.get(f"/invoices/{invoice.public_id}")
    assert (after["data"]["amountDue"], after["data"]["paymentStatus"]) == (0, "paid")
