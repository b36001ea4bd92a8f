"""The kept sums of unpaid invoices are those of a recount after anything that is done to invoices, also at once."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date
from decimal import Decimal
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.rules.money import EXPONENTS, from_minor
from customers.models import Customer
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.outstanding import recount_outstanding
from invoicing.actions.payments import record_payment
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, Outstanding
from invoicing.queries.outstanding import differing_sums
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

ACTS = ("add", "add open", "finalize", "pay", "pay all", "void", "delete", "move", "currency", "late", "many")
acts = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 2**32)), min_size=1, max_size=25)


class Undo(Exception):
    """Ends an example: its rows are rolled back."""


def row(customer: Customer, amount: int, number: str = "", **fields: Any) -> Invoice:
    """An invoice as it stands in the table: a draft, or issued when it has a number."""
    issued = {"status": "finalized", "number": number, "finalized_at": NOW} if number else {}
    return Invoice(
        organization_id=customer.organization_id,
        billing_entity_id=customer.billing_entity_id,
        customer=customer,
        type="one_off",
        customer_name=customer.name,
        issuing_on=date(2026, 3, 15),
        lines_minor=amount,
        total_minor=amount,
        **({"currency": "EUR"} | issued | fields),
    )


def act(name: str, dice: Random, customers: list[Customer], number: str) -> None:
    """One statement over one or several invoices, as the database sees it."""
    every = Invoice.objects.filter(customer__in=customers)
    some = every.filter(
        pk__in=dice.sample(keys := sorted(every.values_list("pk", flat=True)), k=len(keys) // 2)
    )
    customer, amount = dice.choice(customers), dice.randrange(5) * 100
    issued = some.filter(status="finalized")
    match name:
        case "add":
            row(customer, amount).save()
        case "add open":
            row(customer, amount, number, currency=dice.choice(["EUR", "JPY"])).save()
        case "finalize":
            if draft := some.filter(status="draft").first():
                every.filter(pk=draft.pk).update(status="finalized", number=number, finalized_at=NOW)
        case "pay":
            issued.filter(paid_minor=0).update(
                paid_minor=F("total_minor") / 2, payment_status="partially_paid"
            )
        case "pay all":
            issued.update(paid_minor=F("total_minor"), payment_status="paid")
        case "void":
            issued.update(status="voided")
        case "delete":
            some.delete()
        case "move":
            some.update(customer=customer)
        case "currency":
            some.update(currency=dice.choice(["EUR", "JPY"]))
        case "late":
            some.update(due_on=date(2026, 1, 1))
        case "many":
            Invoice.objects.bulk_create(
                row(one, amount + 1, f"{number}-{at}") for at, one in enumerate(customers)
            )


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(done=acts)
def test_sums_are_those_of_the_invoices(done: list[tuple[str, int]]) -> None:
    with pytest.raises(Undo), transaction.atomic():
        organization = make_organization()
        customers = [make_customer(organization, currency=code) for code in ("EUR", "JPY", "EUR")]
        for count, (name, seed) in enumerate(done):
            act(name, Random(seed), customers, f"N-{count}")
            wanted: Counter[tuple[Any, str]] = Counter()
            for invoice in Invoice.objects.unpaid():
                wanted[invoice.customer_id, invoice.currency] += invoice.total_minor - invoice.paid_minor
            kept = {(one.customer_id, one.currency): one.due_minor for one in Outstanding.objects.all()}
            assert {key: minor for key, minor in kept.items() if minor} == +wanted, (name, done)
            assert differing_sums() == []
        raise Undo


@pytest.mark.django_db
def test_amounts_are_in_the_major_units_of_their_currency() -> None:
    customer = make_customer(make_organization())
    codes = sorted(EXPONENTS)
    Invoice.objects.bulk_create(row(customer, 12_345, f"N-{code}", currency=code) for code in codes)
    found = dict(Outstanding.objects.values_list("currency", "amount"))
    assert found == {code: from_minor(12_345, code) for code in codes}


@pytest.mark.django_db
def test_real_invoices_payments_and_voids() -> None:
    customer = make_customer(make_organization(), currency="EUR")

    def due() -> Decimal:
        return Outstanding.objects.get(customer=customer).amount

    first, second = (
        create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, by=ACTOR, at=NOW)
        for amount in (100, 20)
    )
    assert due() == 120
    record_payment(first, amount_minor=4000, key="a", by=ACTOR, at=NOW)
    assert due() == 80
    record_payment(first, amount_minor=6000, key="b", by=ACTOR, at=NOW)
    assert due() == 20
    void_invoice(second, by=ACTOR, at=NOW)
    assert due() == 0
    assert differing_sums() == []


@pytest.mark.django_db(transaction=True)
def test_invoices_of_the_same_customers_at_once() -> None:
    organization = make_organization()
    customers = [make_customer(organization, currency="EUR") for _ in range(3)]
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def work(turn: int) -> None:
        try:
            start.wait(timeout=10)
            for round_ in range(6):
                customer = customers[(turn * (round_ + 1)) % 3]
                invoice = create_one_off(
                    customer, [Item("Work", Decimal(10))], finalize=True, by=ACTOR, at=NOW
                )
                record_payment(invoice, amount_minor=300, key=str(invoice.pk), by=ACTOR, at=NOW)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=[turn]) for turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert sum(Outstanding.objects.values_list("due_minor", flat=True)) == 24 * 700
    assert differing_sums() == []


@pytest.mark.django_db
def test_recount_says_what_differs_and_puts_it_right() -> None:
    customers = [make_customer(make_organization()) for _ in range(3)]
    for number, customer in enumerate(customers):
        row(customer, 500, f"N-{number}").save()
    assert said() == "All sums are right.\n"
    Outstanding.objects.filter(customer=customers[0]).update(due_minor=700)
    Outstanding.objects.filter(customer=customers[1]).delete()
    with pytest.raises(CommandError, match="2 differ"):
        said()
    assert {(one.customer_id, one.kept_minor, one.counted_minor) for one in recount_outstanding()} == {
        (customers[0].pk, 700, 500),
        (customers[1].pk, 0, 500),
    }
    assert set(Outstanding.objects.values_list("due_minor", flat=True)) == {500}
    Outstanding.objects.filter(customer=customers[2]).update(due_minor=1)
    assert said("--repair").splitlines() == [
        f"{customers[2].public_id} EUR: kept 1, counted 500",
        "1 put right.",
    ]
    assert recount_outstanding() == []


def said(*options: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("recount_outstanding", *options, stdout=out)
    return out.getvalue()
