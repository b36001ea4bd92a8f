"""A statement of account: by hand, and its law over random histories."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Wallet
from billing.rules.errors import BillingError
from customers.actions.portal import create_link
from customers.models import Customer
from customers.queries.statement import statement
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.refunds import refund_payment
from invoicing.actions.remittances import receive, use_rest
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import undo_write_off, write_off
from invoicing.models import Invoice, InvoiceLine, Payment, Remittance
from tests.factories.api import Api
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_wallet, on
from tests.factories.people import ACTOR, make_member, make_organization

pytestmark = pytest.mark.django_db


def bill(customer: Customer, amount: int, at: datetime) -> Invoice:
    """An invoice issued at a moment."""
    return create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, by=ACTOR, at=at)


@pytest.fixture
def customer() -> Customer:
    return make_customer(make_organization("Acme"), currency="EUR", external_id="acme", timezone="Asia/Tokyo")


def test_by_hand(customer: Customer) -> None:
    a = bill(customer, 100, on(2026, 1, 10))
    record_payment(a, amount_minor=3000, paid_at=on(2026, 1, 20), key="p", by=ACTOR, at=on(2026, 1, 20))
    b = bill(customer, 50, on(2026, 2, 1))
    line = InvoiceLine.objects.get(invoice=b)
    create_credit_note(
        b, [CreditItem(line, "Less", 2000)], 0, offset_minor=1500, key="n", by=ACTOR, at=on(2026, 2, 3)
    )
    payment = record_payment(b, amount_minor=1000, key="q", reference="T 1", by=ACTOR, at=on(2026, 2, 4, 16))
    refund_payment(payment, amount_minor=400, reason="Asked", key="r", by=ACTOR, at=on(2026, 2, 6))
    write_off(a, kind="bad_debt", key="w", by=ACTOR, at=on(2026, 2, 7))
    undo_write_off(a, by=ACTOR, at=on(2026, 2, 9))
    c = bill(customer, 7, on(2026, 2, 10))
    void_invoice(c, reason="Wrong", by=ACTOR, at=on(2026, 2, 11))
    found = statement(customer, "EUR", date(2026, 2, 1), date(2026, 2, 20), on(2026, 2, 20))
    assert found.opening_minor == 7000
    assert [
        (row.day.day, row.kind, row.number, row.note, row.change_minor, row.balance_minor)
        for row in found.lines
    ] == [
        (1, "invoice", b.number, "", 5000, 12000),
        (3, "credit_note", found.lines[1].number, b.number, -1500, 10500),
        (5, "payment", b.number, "T 1", -1000, 9500),  # 5 February in Tokyo
        (6, "refund", b.number, "Asked", 0, 9500),
        (7, "write_off", a.number, "bad_debt", -7000, 2500),
        (9, "write_off_undone", a.number, "bad_debt", 7000, 9500),
        (10, "invoice", c.number, "", 700, 10200),
        (11, "void", c.number, "Wrong", -700, 9500),
    ]
    assert (found.closing_minor, found.charged_minor, found.credited_minor) == (9500, 12700, 10200)
    assert found.aged is not None and found.aged.total_minor == 9500
    between = statement(customer, "EUR", date(2026, 2, 6), date(2026, 2, 8), on(2026, 2, 20))
    assert (between.opening_minor, between.closing_minor, len(between.lines)) == (9500, 2500, 2)
    assert between.aged is not None and between.aged.total_minor == 2500 and between.on_account_minor is None
    assert statement(customer, "USD", date(2026, 1, 1), date(2026, 2, 20), on(2026, 2, 20)).lines == ()


def test_a_statement_that_was_sent_stays_as_it_was_when_money_on_account_is_used(customer: Customer) -> None:
    row = receive(
        customer, currency="EUR", amount_minor=9000, keep_rest=True, key="k", by=ACTOR, at=on(2026, 1, 5)
    )
    bill(customer, 30, on(2026, 2, 1))
    days = (date(2026, 1, 1), date(2026, 2, 10))
    sent = statement(customer, "EUR", *days, on(2026, 2, 11))
    assert (sent.closing_minor, sent.aged and sent.aged.total_minor) == (3000, 3000)
    use_rest(row, key="u", by=ACTOR, at=on(2026, 2, 20))
    assert statement(customer, "EUR", *days, on(2026, 2, 21)) == sent
    now = statement(customer, "EUR", *days[:1], date(2026, 2, 21), on(2026, 2, 21))
    assert (now.closing_minor, now.on_account_minor, now.aged) == (0, 6000, None)


ACTS = st.tuples(
    st.sampled_from(
        ["bill", "pay", "transfer", "use", "sell", "credit", "refund", "write_off", "undo", "void"]
    ),
    st.integers(0, 7),
    st.integers(1, 9000),
    st.integers(0, 30),
)


def act(customer: Customer, what: str, which: int, minor: int, at: datetime, key: str) -> None:
    """One step of a history; what is refused changes nothing."""
    if what == "bill":
        bill(customer, minor // 100 + 1, at)
        return
    rows = list(Invoice.objects.filter(customer=customer).order_by("pk"))
    if not rows:
        return
    row = rows[which % len(rows)]
    try:
        if what == "pay":
            record_payment(row, amount_minor=min(minor, row.due_minor), key=key, by=ACTOR, at=at)
        elif what == "transfer":
            receive(customer, currency="EUR", amount_minor=minor, keep_rest=True, key=key, by=ACTOR, at=at)
        elif what == "use":
            use_rest(Remittance.objects.with_rest().earliest("pk"), key=key, by=ACTOR, at=at)
        elif what == "sell":
            wallet = Wallet.objects.filter(customer=customer).first() or make_wallet(customer, "1", at)
            receive(customer, currency="EUR", amount_minor=minor, rest_to=wallet, key=key, by=ACTOR, at=at)
        elif what == "credit":
            line = InvoiceLine.objects.get(invoice=row)
            item = CreditItem(line, "Less", min(minor, line.amount_minor))
            off = min(item.amount_minor, row.due_minor) // 2
            create_credit_note(row, [item], 0, offset_minor=off, key=key, by=ACTOR, at=at)
        elif what == "refund":
            refund_payment(Payment.objects.filter(invoice=row).earliest("pk"), key=key, by=ACTOR, at=at)
        elif what == "write_off":
            write_off(row, kind="other", key=key, by=ACTOR, at=at)
        elif what == "undo":
            undo_write_off(row, by=ACTOR, at=at)
        else:
            void_invoice(row, by=ACTOR, at=at)
    except (BillingError, Payment.DoesNotExist, Remittance.DoesNotExist):
        pass


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(ACTS, min_size=3, max_size=14), cut=st.integers(0, 40))
def test_opening_and_all_changes_are_what_is_owed(history: list[Any], cut: int) -> None:
    customer = make_customer(make_organization(), currency="EUR")
    at = on(2026, 3, 1, 12)
    for number, (what, which, minor, hours) in enumerate(history):
        at += timedelta(hours=hours)
        act(customer, what, which, minor, at, f"k{number}")
    start, today = date(2026, 3, 1), at.date()
    whole = statement(customer, "EUR", start, today, at)
    owed = sum(row.due_minor for row in Invoice.objects.filter(customer=customer))
    assert (whole.opening_minor, whole.closing_minor) == (0, owed)
    assert whole.opening_minor + whole.charged_minor - whole.credited_minor == owed
    assert (whole.aged.total_minor if whole.aged else 0) == owed
    middle = min(start + timedelta(days=cut), today)
    before = statement(customer, "EUR", start, middle, at)
    after = statement(
        customer, "EUR", middle + timedelta(days=1), today + timedelta(days=1), at + timedelta(days=1)
    )
    assert before.closing_minor == after.opening_minor and after.closing_minor == owed
    assert (before.aged.total_minor if before.aged else 0) == before.closing_minor


def test_the_page_the_file_and_the_api(customer: Customer, client: Client) -> None:
    row = bill(customer, 100, timezone.now())
    record_payment(row, amount_minor=2500, key="p", reference="=T 1", by=ACTOR, at=timezone.now())
    client.force_login(make_member(customer.organization, "support").user)
    page = client.get(reverse("customer-statement", args=[customer])).content.decode()
    assert "EUR\u00a075.00" in page and row.number in page and "=T 1" in page
    odd = client.get(reverse("customer-statement", args=[customer]) + "?first=x&last=1999-01-01&currency=XXX")
    assert odd.status_code == 200 and odd.context["statement"].lines == ()
    file = client.get(reverse("customer-statement-csv", args=[customer]))
    lines = b"".join(file.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "day,kind,number,note,due_on,amount,charged,credited,balance,currency"
    assert f"payment,{row.number},'=T 1,,25.00,0.00,25.00,75.00,EUR" in lines[3] and len(lines) == 5
    found = Api(customer.organization).get(f"/customers/{customer.public_id}/statement")[1]["data"]
    assert (found["openingBalance"], found["closingBalance"]) == (0, 75)
    assert [(line["type"], line["change"]) for line in found["lines"]] == [("invoice", 100), ("payment", -25)]
    assert found["lines"][1]["id"].startswith("pay_") and found["ageing"]["total"] == 75
    stranger = Client()
    stranger.force_login(make_member(make_organization("Other"), "admin").user)
    for name in ("customer-statement", "customer-statement-csv"):
        assert stranger.get(reverse(name, args=[customer])).status_code == 404


def test_the_portal_shows_it_to_its_customer(customer: Customer, client: Client) -> None:
    row = bill(customer, 100, timezone.now())
    write_off(row, kind="bad_debt", key="w", by=ACTOR, at=timezone.now())
    other = bill(
        make_customer(customer.organization, external_id="other", currency="EUR"), 55, timezone.now()
    )
    assert client.get(reverse("portal-statement")).status_code == 403
    _, secret = create_link(customer, days=7, by=ACTOR, at=timezone.now())
    client.get(reverse("portal-enter", args=[secret]))
    page = client.get(reverse("portal-statement")).content.decode()
    assert row.number in page and other.number not in page and reverse("invoice", args=[row]) not in page
    file = client.get(reverse("portal-statement-csv"))
    text = b"".join(file.streaming_content).decode()  # type: ignore[attr-defined]
    assert row.number in text
    for shown in (page, text):  # why it was given up is for staff
        assert "bad debt" not in shown.lower()
