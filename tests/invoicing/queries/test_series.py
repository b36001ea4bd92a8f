"""The proof of numbers: whole series, gaps exactly where they are, and what stands outside."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags

from billing.models import Organization
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off, delete_draft
from invoicing.actions.payments import record_payment
from invoicing.actions.remittances import receive
from invoicing.actions.void import void_invoice
from invoicing.models import CreditNote, Invoice, Receipt, Sequence
from invoicing.queries.series import SERIES, every_place, gaps_of, one_series, series_page, sums_of
from tests.factories.customers import make_customer
from tests.factories.invoicing import set_entity
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
INVOICES, NOTES, RECEIPTS = SERIES["invoice"], SERIES["credit_note"], SERIES["receipt"]


def made(customer: Any, *, finalize: bool = True) -> Invoice:
    return create_one_off(customer, [Item("Work", Decimal(100))], finalize=finalize, by=ACTOR, at=NOW)


@pytest.fixture
def organization() -> Organization:
    """Five invoices of the billing entity, the third voided, a draft that was deleted."""
    organization = make_organization()
    set_entity(organization, numbering="per_billing_entity", number_prefix="ACM")
    customer = make_customer(organization, name="Globex")
    rows = [made(customer) for _ in range(5)]
    void_invoice(rows[2], reason="Wrong customer", by=ACTOR, at=NOW)
    delete_draft(made(customer, finalize=False), by=ACTOR, at=NOW)
    return organization


def only(organization: Organization) -> Any:
    (series,) = series_page(organization, INVOICES, 1)
    return series


def test_a_series_is_whole_with_its_voided_ones(organization: Organization) -> None:
    series, sums = only(organization), sums_of(organization, INVOICES)
    assert (series.first, series.last, series.count, series.voided, series.whole) == (1, 5, 5, 1, True)
    assert (sums.documents, sums.voided, sums.missing, sums.strays, sums.whole) == (5, 1, 0, 0, True)
    assert gaps_of(organization, INVOICES, series) == []
    rows = Invoice.objects.exclude(number="").order_by("series_number")
    assert [row.number for row in rows] == [f"ACM-202603-{n:03d}" for n in range(1, 6)]


@pytest.mark.parametrize(
    ("gone", "gaps"),
    [
        ([3], [(3, 3)]),
        ([1], [(1, 1)]),
        ([5], [(5, 5)]),
        ([2, 4, 5], [(2, 2), (4, 5)]),
        ([1, 2, 3, 4, 5], [(1, 5)]),
    ],
)
def test_a_gap_is_found_where_it_is(
    organization: Organization, gone: list[int], gaps: list[tuple[int, int]]
) -> None:
    lost = Invoice.objects.filter(series_number__in=gone)
    lost.delete()
    series = only(organization)
    assert (series.missing, series.whole) == (len(gone), False)
    assert gaps_of(organization, INVOICES, series) == gaps
    places = [(place, row is None) for place, row in every_place(organization, INVOICES, series)]
    assert places == [(n, n in gone) for n in range(1, 6)]
    assert sums_of(organization, INVOICES).broken == 1


def test_what_stands_outside_is_told(organization: Organization) -> None:
    Sequence.objects.filter(key=only(organization).key).update(last=4)
    series = only(organization)
    assert (series.outside, series.missing, series.whole) == (1, 0, False)
    Invoice.objects.filter(series_number=2).update(series="", series_number=None)
    assert sums_of(organization, INVOICES).strays == 1


def test_a_later_style_begins_after_what_was_numbered_before() -> None:
    organization = make_organization()
    set_entity(organization, numbering="per_customer")
    first, second = (make_customer(organization, name=name) for name in ("Globex", "Initech"))
    for customer in (first, first, second):
        made(customer)
    set_entity(organization, numbering="per_billing_entity")
    made(type(first).objects.get(pk=first.pk))
    found = {(row.first, row.last, row.count) for row in series_page(organization, INVOICES, 1)}
    assert found == {(1, 2, 2), (1, 1, 1), (4, 4, 1)}
    assert sums_of(organization, INVOICES).whole


def test_credit_notes_have_a_series_for_each_invoice(organization: Organization) -> None:
    invoice = Invoice.objects.filter(status="finalized").first()
    assert invoice is not None
    line = invoice.lines.get()
    notes = [
        create_credit_note(invoice, [CreditItem(line, "Less", 100)], 0, key=str(n), by=ACTOR, at=NOW)
        for n in range(3)
    ]
    (series,) = series_page(organization, NOTES, 1)
    assert (series.count, series.whole) == (3, True)
    lost = CreditNote.objects.filter(pk=notes[1].pk)
    lost.delete()
    counter = Sequence.objects.get(pk=series.id)
    assert gaps_of(organization, NOTES, one_series(organization, counter, NOTES)) == [(2, 2)]


def test_receipts_have_one_series_for_their_billing_entity(
    client: Client, organization: Organization
) -> None:
    """One for a payment and one for a transfer."""
    paid, other = Invoice.objects.filter(status="finalized").order_by("pk")[:2]
    record_payment(paid, key="all", by=ACTOR, at=NOW)
    receive(
        other.customer,
        currency="EUR",
        amount_minor=5000,
        chosen={other.pk: 5000},
        key="part",
        by=ACTOR,
        at=NOW,
    )
    (series,) = series_page(organization, RECEIPTS, 1)
    assert (series.first, series.last, series.count, series.whole) == (1, 2, 2, True)
    staff = sign_in(client, make_member(organization))
    page = strip_tags(
        staff.get(f"/reports/numbers/{Sequence(id=series.id).public_id}?only=voided").content.decode()
    )
    assert "Globex" in page and "-R-" in page
    Receipt.objects.filter(series_number=1).delete()
    assert "1 missing: 1" in strip_tags(staff.get("/reports/numbers?kind=receipt").content.decode())


def test_the_pages(client: Client, organization: Organization, django_assert_max_num_queries: Any) -> None:
    staff = sign_in(client, make_member(organization, "support"))
    with django_assert_max_num_queries(14):
        answer = staff.get("/reports/numbers")
    assert answer.context["deleted"] == 1
    page = strip_tags(answer.content.decode())
    for said in ("No gap", "1 draft was deleted", "ACM-202603-005"):
        assert said in page, said
    counter = Sequence.objects.get(key__startswith="invoice:")
    one = f"/reports/numbers/{counter.public_id}"
    assert "Wrong customer" in staff.get(f"{one}?only=voided").content.decode()
    Invoice.objects.filter(series_number=2).delete()
    page = strip_tags(staff.get("/reports/numbers").content.decode())
    assert "Something is missing" in page and "1 missing: 2" in page
    assert "Where numbers are missing" in staff.get(one).content.decode()
    lines = list(csv.DictReader(StringIO(staff.get(f"{one}/export").getvalue().decode())))
    assert [(line["place"], line["state"]) for line in lines][:3] == [
        ("1", "issued"),
        ("2", "missing"),
        ("3", "voided"),
    ]
    assert lines[2]["void_reason"] == "Wrong customer"
    (line,) = csv.DictReader(StringIO(staff.get("/reports/numbers/export").getvalue().decode()))
    assert (line["documents"], line["missing"], line["gaps"]) == ("4", "1", "2")
    assert "Nothing was numbered yet" in staff.get("/reports/numbers?kind=credit_note").content.decode()
    customers = Sequence.objects.get(organization=organization, key="customer")
    assert staff.get(f"/reports/numbers/{customers.public_id}").status_code == 404
