"""The ageing report: buckets by hand, days that are past, filters, order, page and file."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Organization
from billing.rules.periods import start_of_day
from customers.models import Customer
from customers.queries.ageing import ageing
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.void import void_invoice
from invoicing.actions.write_offs import undo_write_off, write_off
from invoicing.models import Invoice
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization

pytestmark = pytest.mark.django_db
TODAY = NOW.date()


def owe(customer: Customer, amount: int, late: int | None, issued: date | None = None) -> Invoice:
    """An unpaid invoice, so many days late."""
    row = create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, by=ACTOR, at=NOW)
    due = None if late is None else TODAY - timedelta(days=late)
    Invoice.objects.filter(pk=row.pk).update(due_on=due, issuing_on=issued or TODAY - timedelta(days=200))
    row.refresh_from_db()
    return row


@pytest.fixture
def organization() -> Organization:
    return make_organization("Acme")


@pytest.fixture
def acme(organization: Organization) -> Customer:
    return make_customer(organization, name="Acme Foods", external_id="acme", currency="EUR")


def column(organization: Organization, name: str, **asked: object) -> list[int]:
    """One column of the report as it is today."""
    return [row.minor[name] for row in ageing(organization, TODAY, None, **asked).rows]  # type: ignore[arg-type]


def after(day: date) -> object:
    """The end of a day."""
    return start_of_day(day + timedelta(days=1), "UTC")


def test_by_hand(organization: Organization, acme: Customer) -> None:
    for amount, late in (
        (1, None),
        (2, 0),
        (4, 1),
        (8, 30),
        (16, 31),
        (32, 60),
        (64, 61),
        (128, 90),
        (256, 91),
    ):
        owe(acme, amount, late)
    result = ageing(organization, TODAY, None)
    (row,) = result.rows
    assert row.minor == {
        "not_due": 300,
        "late_30": 1200,
        "late_60": 4800,
        "late_90": 19200,
        "late_more": 25600,
        "disputed": 0,
        "total": 51100,
    }
    assert (row.invoices, row.customer, result.count) == (9, acme, 1)
    assert [total.minor for total in result.totals] == [row.minor]
    past = ageing(organization, TODAY, after(TODAY))  # type: ignore[arg-type]
    assert past.rows == result.rows and past.totals == result.totals


def test_a_day_that_is_past(organization: Organization, acme: Customer) -> None:
    then = TODAY - timedelta(days=10)
    paid, given_up, voided, young = (owe(acme, 10 * n, 40) for n in (1, 2, 3, 4))
    Invoice.objects.filter(pk=young.pk).update(issuing_on=then + timedelta(days=1))
    record_payment(paid, amount_minor=300, paid_at=NOW - timedelta(days=20), key="a", by=ACTOR, at=NOW)
    record_payment(paid, paid_at=NOW, key="b", by=ACTOR, at=NOW)
    write_off(given_up, kind="bad_debt", key="w", by=ACTOR, at=NOW - timedelta(days=20))
    undo_write_off(given_up, by=ACTOR, at=NOW)
    void_invoice(voided, by=ACTOR, at=NOW)
    assert column(organization, "total") == [2000 + 4000]
    (row,) = ageing(organization, then, after(then)).rows  # type: ignore[arg-type]
    assert (row.minor["total"], row.minor["late_30"], row.invoices) == (700 + 3000, 3700, 2)
    long_ago = TODAY - timedelta(days=300)
    assert ageing(organization, long_ago, after(long_ago)).rows == []  # type: ignore[arg-type]


def test_filters_order_and_totals_by_currency(organization: Organization, acme: Customer) -> None:
    yen = make_customer(organization, name="Zen", external_id="zen", currency="JPY")
    small = make_customer(organization, name="Small 100%", external_id="small", currency="EUR")
    owe(acme, 50, 5)
    owe(small, 20, 45)
    owe(yen, 30, 5)
    other = make_organization("Other")
    owe(make_customer(other, external_id="x"), 999, 5)
    assert column(organization, "total") == [5000, 30, 2000]  # 50 EUR, 30 JPY, 20 EUR
    assert column(organization, "total", sort="name") == [5000, 2000, 30]
    assert column(organization, "total", sort="currency") == [5000, 2000, 30]
    assert column(organization, "total", currency="EUR") == [5000, 2000]
    assert column(organization, "total", bucket="late_60") == [2000]
    assert column(organization, "total", words="zEn") == [30]
    assert column(organization, "total", words="100%") == [2000]
    assert column(organization, "total", words="1_0") == []
    assert column(organization, "total", customer=acme) == [5000]
    assert column(organization, "total", limit=1, offset=1) == [30]
    result = ageing(organization, TODAY, None, limit=1)
    assert [(row.currency, row.total_minor, row.count) for row in result.totals] == [
        ("EUR", 7000, 2),
        ("JPY", 30, 1),
    ]
    assert result.count == 3


def test_the_page_and_the_file(
    organization: Organization, acme: Customer, django_assert_max_num_queries: object
) -> None:
    client = Client()
    client.force_login(make_member(organization, "support").user)
    today = timezone.localdate()
    row = owe(acme, 50, 5)
    Invoice.objects.filter(pk=row.pk).update(due_on=today - timedelta(days=40))
    client.get(reverse("ageing"))
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        page = client.get(reverse("ageing")).content.decode()
    assert "Acme Foods" in page and "EUR\u00a050.00" in page
    assert "tab=outstanding&amp;currency=EUR&amp;customer=cust_" in page
    file = client.get(reverse("ageing-export"))
    lines = b"".join(file.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("customer_id,external_id,name,currency,not_due,late_30")
    assert f",acme,Acme Foods,EUR,0.00,0.00,50.00,0.00,0.00,0.00,50.00,1,{today}" in lines[1]
    assert "No debt found" in client.get(reverse("ageing") + "?q=nobody").content.decode()
    before = client.get(reverse("ageing") + "?on=2020-01-01&page=7").content.decode()
    assert "Nobody owes anything" in before
