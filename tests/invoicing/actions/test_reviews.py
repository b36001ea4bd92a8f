"""Invoices that a change of type put in question: who marked them, once, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing.models import AuditEntry
from billing.orm.actor import Actor
from billing.orm.fields import new_id
from billing.rules.errors import Conflict, Invalid
from customers.actions.classification import change_type
from customers.models import Customer
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.reviews import mark_reviewed, undo_review
from invoicing.models import Invoice, InvoiceReview
from tests.factories.customers import make_customer
from tests.factories.invoicing import default_tax
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
TODAY = NOW.date()
BEN = Actor("key", "Ben's script")


@pytest.fixture
def customer() -> Customer:
    """A customer that became a business after three invoices with tax."""
    organization = make_organization()
    default_tax(organization)
    found = make_customer(organization, country="DE", currency="EUR")
    for number in range(3):
        create_one_off(found, [Item(f"Work {number}", Decimal(100))], finalize=True, by=ACTOR, at=NOW)
    return change_type(found, "business", reason="Register extract", by=ACTOR, at=NOW)


def waiting() -> list[Invoice]:
    return [row.invoice for row in InvoiceReview.objects.current(TODAY).waiting().order_by("invoice_id")]


def mark(
    customer: Customer, invoices: Sequence[Invoice] | None = None, **fields: object
) -> list[InvoiceReview]:
    keys = None if invoices is None else [row.pk for row in invoices]
    given: dict[str, object] = {"by": ACTOR, "at": NOW, "today": TODAY} | fields
    return mark_reviewed(customer, invoices=keys, **given)  # type: ignore[arg-type]


def test_one_then_all_that_are_left(customer: Customer) -> None:
    first, second, third = waiting()
    [marked] = mark(customer, [first], note="  Billed\nbefore the  register entry ")
    assert (marked.invoice, marked.note) == (first, "Billed before the register entry")
    assert (marked.reviewed_at, marked.reviewer_label, marked.reviewer_id) == (
        NOW,
        ACTOR.label,
        ACTOR.user_id,
    )
    assert waiting() == [second, third]
    later = NOW + timedelta(hours=1)
    both = mark(customer, by=BEN, at=later)
    assert [row.invoice for row in both] == [second, third] and waiting() == []
    assert {row.reviewer_label for row in both} == {"Ben's script"} and len({row.batch for row in both}) == 1
    lines = AuditEntry.objects.filter(action="invoice.reviewed", customer=customer).order_by(
        "at", "subject_id"
    )
    assert [(line.subject_id, line.actor_label, line.at, line.reason) for line in lines] == [
        (first.pk, ACTOR.label, NOW, "Billed before the register entry"),
        (second.pk, "Ben's script", later, ""),
        (third.pk, "Ben's script", later, ""),
    ]


def test_the_first_reviewer_stays(customer: Customer) -> None:
    first, *_ = waiting()
    mark(customer, [first], note="First")
    rows, lines = list(InvoiceReview.objects.order_by("pk").values()), AuditEntry.objects.count()
    assert mark(customer, [first], note="Second", by=BEN) == []
    assert list(InvoiceReview.objects.order_by("pk").values()) == rows
    assert AuditEntry.objects.count() == lines


def test_taking_it_back(customer: Customer) -> None:
    first, second, third = waiting()
    mark(customer, [first], note="Alone")
    batch = mark(customer, note="Together")[0].batch
    assert {row.invoice for row in undo_review(customer, batch=batch, by=BEN, at=NOW)} == {second, third}
    assert waiting() == [second, third]
    [opened] = undo_review(customer, invoices=[first.pk], by=BEN, at=NOW)
    assert (opened.note, opened.reviewer_label, opened.reviewed_at) == ("", "", None)
    assert undo_review(customer, invoices=[first.pk], by=BEN, at=NOW) == []
    undone = AuditEntry.objects.filter(action="invoice.review_undone")
    assert sorted(undone.values_list("reason", flat=True)) == ["Alone", "Together", "Together"]
    mark(customer)
    assert undo_review(customer, batch=batch, by=BEN, at=NOW) == []  # an old Undo takes back nothing newer


def test_refused_with_nothing_changed(customer: Customer) -> None:
    other = make_customer(customer.organization, country="DE", currency="EUR")
    foreign = create_one_off(other, [Item("Work", Decimal(1))], finalize=True, by=ACTOR, at=NOW)
    change_type(other, "business", reason="x", by=ACTOR, at=NOW)
    before = list(InvoiceReview.objects.order_by("pk").values())
    for invoices, note in (([waiting()[0], foreign], ""), ([], "x" * 501)):
        with pytest.raises(Invalid):
            mark(customer, invoices, note=note)
    Customer.objects.filter(pk=customer.pk).update(deleting_at=NOW)
    with pytest.raises(Conflict):
        mark(customer)
    assert list(InvoiceReview.objects.order_by("pk").values()) == before


def test_another_change_asks_again(customer: Customer) -> None:
    mark(customer)
    for kind in ("unknown", "business"):
        customer = change_type(customer, kind, reason="x", by=ACTOR, at=NOW)
    assert len(waiting()) == 3 == InvoiceReview.objects.count()


@pytest.mark.parametrize(
    "fields",
    [
        {"reviewed_at": NOW},  # nobody
        {"reviewer_label": "Ada"},  # not reviewed
        {"note": "Seen"},
        {"reviewed_at": NOW, "reviewer_label": "Ada"},  # could not be taken back
        {"reviewed_at": NOW, "batch": new_id()},
    ],
)
def test_the_database_keeps_a_review_whole(customer: Customer, fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceReview.objects.filter(invoice=waiting()[0]).update(**fields)
