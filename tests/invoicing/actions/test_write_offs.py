"""Giving up the rest of an invoice: nothing is owed, nothing was received, and it can be taken back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from billing.models import AuditEntry, EmittedEvent
from billing.rules.errors import Conflict, Invalid
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import undo_write_off, write_off
from invoicing.models import Invoice, Outstanding, Payment, WriteOff
from invoicing.queries.outstanding import differing_sums
from invoicing.queries.sold_credits import sale_refusal
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet, owing
from tests.factories.people import ACTOR, NOW, make_member, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice() -> Invoice:
    """100.00, of which 60.00 came."""
    row = create_one_off(
        make_customer(make_organization("Acme")),
        [Item("Work", Decimal(100))],
        finalize=True,
        by=ACTOR,
        at=NOW,
    )
    record_payment(row, amount_minor=6000, key="part", by=ACTOR, at=NOW)
    row.refresh_from_db()
    return row


def give_up(invoice: Invoice, **more: object) -> WriteOff:
    """The rest as bad debt."""
    given = {"kind": "bad_debt", "key": "k", "by": ACTOR, "at": NOW} | more
    return write_off(invoice, **given)  # type: ignore[arg-type]


def owed(invoice: Invoice) -> int:
    """What the kept sum says."""
    return sum(Outstanding.objects.filter(customer=invoice.customer).values_list("due_minor", flat=True))


def test_nothing_is_owed_and_nothing_was_received(invoice: Invoice) -> None:
    assert owed(invoice) == 4000
    row = give_up(invoice, reason="Gone")
    invoice.refresh_from_db()
    assert (row.amount_minor, invoice.due_minor, invoice.received_minor) == (4000, 0, 6000)
    assert (invoice.payment_status, invoice.paid_at, owed(invoice)) == ("paid", None, 0)
    assert give_up(invoice).pk == row.pk  # the same key
    assert (WriteOff.objects.count(), Payment.objects.count(), differing_sums()) == (1, 1, [])
    entry = AuditEntry.objects.get(action="invoice.written_off")
    assert (entry.reason, entry.changes["written_off_minor"]) == ("Bad debt. Gone", [0, 4000])
    assert EmittedEvent.objects.get(name="invoice.written_off").data["amount"] == Decimal("40.00")


def test_taken_back_it_is_owed_again_and_can_be_paid(invoice: Invoice) -> None:
    give_up(invoice)
    for act in (
        lambda: give_up(invoice, key="other"),
        lambda: record_payment(invoice, key="x", by=ACTOR, at=NOW),
    ):
        with pytest.raises(Invalid, match="written off"):
            act()
    with pytest.raises(Conflict, match="Undo that first"):
        void_invoice(invoice, by=ACTOR, at=NOW)
    row = undo_write_off(invoice, by=ACTOR, at=NOW)
    invoice.refresh_from_db()
    assert (row.undone_at, invoice.due_minor, invoice.payment_status) == (NOW, 4000, "partially_paid")
    assert owed(invoice) == 4000
    with pytest.raises(Invalid) as refused:
        undo_write_off(invoice, by=ACTOR, at=NOW)
    assert refused.value.code == "not_written_off"
    record_payment(invoice, key="rest", by=ACTOR, at=NOW)
    assert differing_sums() == []


def test_what_cannot_be_given_up(invoice: Invoice) -> None:
    with pytest.raises(Conflict) as changed:
        give_up(invoice, expected_minor=10000)
    assert changed.value.code == "due_changed"
    with pytest.raises(Invalid) as unknown:
        give_up(invoice, kind="because")
    assert unknown.value.field == "kind"
    record_payment(invoice, key="rest", by=ACTOR, at=NOW)
    draft = create_one_off(invoice.customer, [Item("Work", Decimal(1))], finalize=False, by=ACTOR, at=NOW)
    for row, code in ((invoice, "invoice_paid"), (draft, "invoice_not_finalized")):
        with pytest.raises(Invalid) as refused:
            give_up(row)
        assert refused.value.code == code
    assert not WriteOff.objects.exists()


def test_a_debt_of_a_wallet_is_not_given_up_behind_its_back(invoice: Invoice) -> None:
    wallet = owing(make_wallet(invoice.customer, "10", NOW), 500)
    Invoice.objects.filter(pk=invoice.pk).update(wallet=wallet)
    with pytest.raises(Invalid) as refused:
        give_up(invoice)
    assert refused.value.code == "wallet_debt"


def test_credits_that_were_given_up_are_not_credited_as_if_they_had_come(invoice: Invoice) -> None:
    wallet = make_wallet(invoice.customer, "10", NOW)
    sold = sell_credits(wallet, Decimal(5), by=ACTOR, at=NOW)
    give_up(sold)
    wallet.refresh_from_db()
    sold.refresh_from_db()
    assert wallet.balance_minor == 1000 and "undo that first" in sale_refusal(sold)


def test_the_database_refuses_more_than_the_total(invoice: Invoice) -> None:
    for wrong in (
        {"written_off_minor": 6001},
        {"written_off_minor": -1},
        {"offset_minor": 1, "written_off_minor": 6000},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Invoice.objects.filter(pk=invoice.pk).update(**wrong)


def test_the_dialogs(client: Client, invoice: Invoice) -> None:
    client.force_login(make_member(invoice.organization, "finance").user)
    url = reverse("invoice-write-off", args=[invoice])
    form = client.get(url).context["form"]
    data = {"kind": "small_difference", "reason": "", "expected": "9999", "once": form["once"].value()}
    answer = client.post(url, data)
    assert answer.status_code == 422 and "40.00 EUR is due" in answer.content.decode()
    data["expected"] = answer.context["form"]["expected"].value()
    assert client.post(url, data).status_code == 302
    client.post(url, data)
    page = client.get(reverse("invoice", args=[invoice])).content.decode()
    assert "written off" in page and "€40.00" in page and "Undo write-off" in page
    assert "Written off" in client.get(reverse("invoices") + "?tab=written_off").content.decode()
    assert client.get(reverse("invoices") + "?tab=paid").context["rows"] == []
    undo = reverse("invoice-write-off-undo", args=[invoice])
    assert "€40.00" in client.get(undo).content.decode()
    assert client.post(undo).status_code == 302
    assert WriteOff.objects.get().undone_at is not None


def test_the_api(invoice: Invoice) -> None:
    api = Api(invoice.organization)
    path = f"/invoices/{invoice.public_id}"
    assert refused(api.post(f"{path}/write-off", {"expectedAmount": 1}))[:2] == (409, "due_changed")
    found = api.post(f"{path}/write-off", {"kind": "bad_debt", "expectedAmount": 40})[1]["data"]
    assert (found["paymentStatus"], found["amountWrittenOff"], found["amountDue"]) == ("written_off", 40, 0)
    assert found["amountPaid"] == 60
    assert api.get("/invoices", status="written_off")[1]["meta"]["total"] == 1
    assert api.get("/invoices", status="paid")[1]["meta"]["total"] == 0
    found = api.post(f"{path}/undo-write-off")[1]["data"]
    assert (found["paymentStatus"], found["amountDue"]) == ("partially_paid", 40)
    assert refused(api.post(f"{path}/undo-write-off"))[:2] == (400, "not_written_off")
