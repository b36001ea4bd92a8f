"""Issued invoices held against their seals, and their usage priced again with the events of now."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.utils.html import strip_tags

from billing.actions.usage import ingest
from billing.models import Event
from customers.actions.customers import update_customer
from invoicing.actions.billing_run import run
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.disputes import dispute_invoice
from invoicing.actions.payments import record_payment
from invoicing.actions.regenerate import Remade, regenerate_invoice
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, InvoiceLine, InvoiceSeal
from invoicing.queries.rerate import rerated
from invoicing.queries.verify import checked
from invoicing.rules.adjusting import Correction
from tests.factories.catalog import GRADUATED, charge, make_metric
from tests.factories.invoicing import billed_customer, default_tax, make_plan, on, set_entity, subscribe
from tests.factories.people import ACTOR, make_key, make_member, make_organization, sign_in
from tests.factories.usage import event

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice() -> Invoice:
    """January: a fee of 30, calls by tiers, seats with a minimum of 20; 20 % tax."""
    organization = make_organization()
    default_tax(organization)
    calls, seats = (make_metric(organization, name, "sum") for name in ("calls", "seats"))
    plan = make_plan(
        organization,
        3000,
        charge(calls, "graduated", GRADUATED),
        charge(seats, properties={"amount": "5"}, min_amount_minor=2000),
    )
    row = subscribe(billed_customer(organization), plan, on(2026, 1, 1), external_id="s")
    send(row, calls, 1200, "first")
    send(row, seats, 1, "seat")
    run(on(2026, 2, 1))
    return Invoice.objects.get(customer=row.customer)


def send(row: object, metric: object, value: int, id: str, *, at: object = None) -> None:
    sent = event(row, metric, value, at=on(2026, 1, 10), id=id)  # type: ignore[arg-type]
    [result] = ingest(row.organization, [sent], at=at or on(2026, 1, 10))  # type: ignore[attr-defined, arg-type]
    assert result.status == "accepted"


def test_an_issued_invoice_is_sealed_and_what_may_change_breaks_no_seal(invoice: Invoice) -> None:
    found = checked(invoice)
    assert found is not None and found.whole and len(found.kept) == 64
    record_payment(invoice, amount_minor=100, key="part", by=ACTOR, at=on(2026, 2, 2))
    Invoice.objects.filter(pk=invoice.pk).update(notes="Thanks", metadata={"a": 1}, paid_minor=0)
    invoice.refresh_from_db()
    void_invoice(invoice, by=ACTOR, at=on(2026, 2, 3))
    again = checked(Invoice.objects.get(pk=invoice.pk))
    assert again is not None and again.whole


def test_what_happens_to_an_invoice_later_breaks_no_seal(invoice: Invoice) -> None:
    line, later = InvoiceLine.objects.get(invoice=invoice, kind="subscription"), on(2026, 2, 2)
    item = CreditItem(line, line.description, 100)
    create_credit_note(invoice, [item], 20, key="note", by=ACTOR, at=later)
    record_payment(invoice, amount_minor=100, key="part", by=ACTOR, at=later)
    dispute_invoice(invoice, reason="Too much", by=ACTOR, at=later)
    changes = {"name": "Other", "locale": "ar", "country": "FR"}
    update_customer(invoice.customer, changes, by=ACTOR, at=later)
    set_entity(invoice.organization, legal_name="Renamed", number_prefix="NEW")
    found = checked(Invoice.objects.get(pk=invoice.pk))
    assert found is not None and found.whole


def test_what_was_decided_when_it_was_made_again_is_not_priced_again(invoice: Invoice) -> None:
    """Calls corrected to 7 at 2.00, seats left out; made again once more, that stays. The rest is as it was."""
    rows = {row.description: row for row in InvoiceLine.objects.filter(invoice=invoice)}
    kept = {row.pk: Correction() for name, row in rows.items() if name != "Seats"}
    kept[rows["Calls"].pk] = Correction(units=Decimal(7), unit_amount=Decimal(2))
    for wanted in (Remade(lines=kept), Remade()):
        void_invoice(invoice, by=ACTOR, at=on(2026, 2, 3))
        invoice = regenerate_invoice(Invoice.objects.get(pk=invoice.pk), wanted, by=ACTOR, at=on(2026, 2, 4))
        found = rerated(Invoice.objects.get(pk=invoice.pk))
        assert found is not None and all(row.same for row in found)
        assert [(row.description, row.minor_now) for row in found] == [
            ("Calls", 1400),
            ("Seats: minimum spend", 1500),
        ]


def test_what_was_changed_behind_our_back_is_named(client: Client, invoice: Invoice) -> None:
    line = InvoiceLine.objects.get(invoice=invoice, kind="subscription")
    InvoiceLine.objects.filter(pk=line.pk).update(unit_amount=Decimal("31"), description="Other")
    invoice.seller["name"] = "Somebody else"
    invoice.save()
    found = checked(Invoice.objects.get(pk=invoice.pk))
    assert found is not None and sorted(found.differing) == sorted([line.public_id, "parties"])
    staff = sign_in(client, make_member(invoice.organization, "support"))
    page = staff.get(f"/invoices/{invoice.public_id}/verify").content.decode()
    assert "Something was changed" in page and "Seller and buyer" in page and "Line 1: Other" in page
    InvoiceSeal.objects.all().delete()
    page = staff.get(f"/invoices/{invoice.public_id}/verify").content.decode()
    assert "before seals were kept" in page


def test_usage_is_priced_again_with_the_events_of_now(client: Client, invoice: Invoice) -> None:
    """Graduated: 0 to 1,000 at 0.10, then 0.05: GRADUATED of the factories; 100 more calls, the seat deleted."""
    rows = rerated(invoice)
    assert rows is not None and all(row.same for row in rows) and len(rows) == 3
    subscription = InvoiceLine.objects.filter(invoice=invoice, kind="charge").first().subscription  # type: ignore[union-attr]
    assert subscription is not None
    calls = Event.objects.get(transaction_id="first").metric
    send(subscription, calls, 100, "late", at=on(2026, 2, 5))
    before = list(InvoiceLine.objects.filter(invoice=invoice).values_list("pk", "amount_minor"))
    rows = rerated(invoice)
    assert rows is not None
    (changed,) = (row for row in rows if not row.same)
    assert (changed.description, changed.units_then, changed.units_now) == ("Calls", 1200, 1300)
    assert (changed.events_then, changed.events_now) == (1, 2)
    assert changed.difference_minor == changed.minor_now - changed.minor_then > 0
    assert list(InvoiceLine.objects.filter(invoice=invoice).values_list("pk", "amount_minor")) == before
    staff = sign_in(client, make_member(invoice.organization))
    page = strip_tags(staff.get(f"/invoices/{invoice.public_id}/verify").content.decode())
    assert "As it was issued" in page and "1,300 units" in page and "2 lines would be the same" in page
    api = Client(headers={"authorization": f"Bearer {make_key(invoice.organization)}"})
    data = api.get(f"/api/invoices/{invoice.public_id}/explain?rerate=true").json()["data"]
    assert data["seal"]["verified"] is True and data["frozen"] is True
    assert data["rerated"][0]["now"]["units"] == 1300
    assert data["amounts"][-1]["amount"] == data["amounts"][-1]["leaves"] > 0
    lines = {line["description"]: line for line in data["lines"] if line["type"] == "charge"}
    assert lines["Calls"]["metric"]["code"] == "calls" and lines["Calls"]["prices"]["version"] == 1
    assert lines["Seats"]["charge"]["minimum"] == 20
    assert "rerated" not in api.get(f"/api/invoices/{invoice.public_id}/explain").json()["data"]
    assert api.get("/api/invoices/inv_00000000000000000000000000000000/explain").status_code == 404


def test_a_draft_has_no_seal(client: Client, invoice: Invoice) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(status="draft", number="", finalized_at=None)
    staff = sign_in(client, make_member(invoice.organization))
    assert "is not sealed" in staff.get(f"/invoices/{invoice.public_id}/verify").content.decode()
