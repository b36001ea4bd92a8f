"""The tabs of payments and credit notes: narrowed, sorted and paged by the address, with and without scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from billing.models import Organization
from customers.models import Customer
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.refunds import refund_payment
from invoicing.models import CreditNote, Invoice, Payment
from tests.factories.customers import make_customer
from tests.factories.pages import htmx, queries, text
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, name="Globex", currency="EUR", timezone="Pacific/Auckland")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def invoice_of(customer: Customer) -> Invoice:
    return create_one_off(customer, [Item("Licence", Decimal(1000))], finalize=True, by=ACTOR, at=NOW)


def pay(invoice: Invoice, number: int, **fields: Any) -> Payment:
    given = {"amount_minor": 100 + number, "paid_at": NOW - timedelta(hours=number)} | fields
    return record_payment(invoice, reference=f"ref-{number:02}.", key=f"p{number}", by=ACTOR, at=NOW, **given)


def credit(invoice: Invoice, number: int) -> CreditNote:
    item = CreditItem(invoice.lines.get(), "Too much", 100 + number)
    return create_credit_note(invoice, [item], 0, key=f"c{number}", by=ACTOR, at=NOW)


def references(answer: Any) -> list[str]:
    return [row.reference for row in answer.context["page"].object_list]


def test_payments_are_sorted_and_paged_by_the_address(staff: Client, customer: Customer) -> None:
    invoice = invoice_of(customer)
    for number in range(23):
        pay(invoice, number)
    tab = reverse("customer-payments", args=[customer])
    latest = references(staff.get(tab))
    assert (latest[0], latest[-1], len(latest)) == ("ref-00.", "ref-19.", 20)
    largest = staff.get(tab, {"sort": "-amount"})
    assert references(largest)[0] == "ref-22." and 'aria-sort="descending"' in text(largest)
    second = staff.get(tab, {"sort": "-amount", "page": "2"})
    assert references(second) == ["ref-02.", "ref-01.", "ref-00."]
    # 23 payments of 1.00 to 1.22: 23 + 0.01 x 253 = 25.53, on every page
    assert "25.53" in text(second) and "21–23 of 23 payments" in text(second)
    assert references(staff.get(tab, {"sort": "nonsense"})) == latest


def test_payments_are_narrowed_and_the_address_says_so(staff: Client, customer: Customer) -> None:
    invoice = invoice_of(customer)
    first, second = pay(invoice, 1), pay(invoice, 2)
    refund_payment(second, amount_minor=50, key="r", by=ACTOR, at=NOW)
    tab = reverse("customer-payments", args=[customer])
    for query, found in (
        ({"q": "REF-01"}, [first]),
        ({"q": invoice.number}, [first, second]),
        ({"q": "Globex"}, []),  # everything here is this customer's
        ({"state": "refunded"}, [second]),
        ({"state": "successful"}, [first]),
        ({"state": "nonsense"}, [first, second]),
        ({"currency": "USD"}, []),
        ({"customer": make_customer(customer.organization).public_id}, [first, second]),
    ):
        page = staff.get(tab, query, headers=htmx("payment-table"))
        shown = text(page)
        assert [row for row in (first, second) if row.reference in shown] == found, query
        assert "<title>" not in shown and ("No payment found" in shown) is (not found), query
        assert page["HX-Push-Url"].startswith(f"{tab}?"), query
    chosen = staff.get(tab, {"state": "refunded", "q": "ref", "sort": "amount", "page": "1"})
    chips = {chip["label"]: chip for chip in chosen.context["chips"]}
    assert chips["Search"]["remove_url"] == "?state=refunded&sort=amount"
    assert 'name="sort" value="amount"' in text(chosen)  # the next search keeps the order
    assert 'name="state" value="refunded"' in text(chosen)  # and the tab


def test_days_of_payments_are_the_customers(staff: Client, customer: Customer) -> None:
    """11:30 on 9 March in UTC is half past midnight on the 10th in Auckland."""
    pay(invoice_of(customer), 1, paid_at=datetime(2026, 3, 9, 11, 30, tzinfo=UTC))
    tab = reverse("customer-payments", args=[customer])
    assert "10 Mar 2026" in text(staff.get(tab))
    for query, found in (
        ({"issued_from": "2026-03-10", "issued_to": "2026-03-10"}, 1),
        ({"issued_to": "2026-03-09"}, 0),
        ({"issued_from": "2026-03-11"}, 0),
        ({"issued_to": "9999-12-31"}, 1),  # no day to count with: left out
    ):
        assert len(staff.get(tab, query).context["page"].object_list) == found, query
    # The list of all payments shows and takes the organization's days.
    everything = reverse("payments")
    assert len(staff.get(everything, {"issued_to": "2026-03-09"}).context["page"].object_list) == 1
    assert len(staff.get(everything, {"issued_from": "2026-03-10"}).context["page"].object_list) == 0


def test_credit_notes_are_sorted_paged_and_narrowed(staff: Client, customer: Customer) -> None:
    invoice, other = invoice_of(customer), invoice_of(customer)
    notes = [credit(invoice, number) for number in range(22)] + [credit(other, 22)]
    CreditNote.objects.filter(pk=notes[3].pk).update(balance_minor=0)
    CreditNote.objects.filter(pk=notes[4].pk).update(status="voided")
    CreditNote.objects.filter(pk=notes[5].pk).update(balance_minor=0, refund_minor=F("total_minor"))
    tab = reverse("customer-credit-notes", args=[customer])

    def found(**query: str) -> list[CreditNote]:
        return [row["note"] for row in staff.get(tab, query).context["rows"]]

    assert found(sort="amount") == notes[:20] and found(sort="amount", page="2") == notes[20:]
    assert found(sort="-balance")[:2] == [notes[22], notes[21]]
    assert found(sort="-invoice")[0] == notes[22]
    assert found(state="consumed") == [notes[3]] and found(state="voided") == [notes[4]]
    assert found(state="refunded") == [notes[5]] == found(refund="failed") and found(refund="pending") == []
    assert found(q=other.number) == [notes[22]] and found(q=notes[7].number) == [notes[7]]
    # 1.00 to 1.22 without the voided one of 1.04: 25.53 - 1.04
    page = staff.get(tab, {"sort": "amount"}, headers=htmx("credit-note-table"))
    assert "24.49" in text(page) and 'aria-sort="ascending"' in text(page) and "<title>" not in text(page)
    assert page["HX-Push-Url"] == f"{tab}?sort=amount"


@pytest.mark.parametrize("name", ["customer-payments", "customer-credit-notes"])
def test_nothing_yet_is_not_nothing_found(staff: Client, customer: Customer, name: str) -> None:
    tab = reverse(name, args=[customer])
    for query in ({}, {"q": "x"}):
        page = text(staff.get(tab, query))
        assert " yet</p>" in page and "found</p>" not in page and '-filters"' not in page, query
    invoice = invoice_of(customer)
    pay(invoice, 1)
    credit(invoice, 1)
    page = text(staff.get(tab, {"q": "x"}))
    assert "found</p>" in page and " yet</p>" not in page
    assert f'href="{tab}">Clear search and filters</a>' in page and '-filters"' in page


@pytest.mark.parametrize("name", ["customer-payments", "customer-credit-notes"])
def test_a_long_tab_costs_no_more_than_a_short_one(staff: Client, customer: Customer, name: str) -> None:
    tab, invoice = reverse(name, args=[customer]), invoice_of(customer)

    def add(numbers: range) -> None:
        for number in numbers:
            pay(invoice, number)
            credit(invoice, number)

    add(range(1))
    staff.get(tab)
    few = queries(staff, tab)
    add(range(1, 21))
    assert queries(staff, tab) == few < 12


@pytest.mark.parametrize("name", ["customer-payments", "customer-credit-notes"])
def test_a_stranger_finds_nothing(client: Client, customer: Customer, name: str) -> None:
    sign_in(client, make_member(make_organization("Other")))
    assert client.get(reverse(name, args=[customer]), {"q": "x"}).status_code == 404
