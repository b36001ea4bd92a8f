"""Merges at the same moment as each other and as billing: real threads on PostgreSQL, one outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connections, transaction

from billing.actions.locks import lock_customer
from billing.actions.wallet_ledger import ledger_total
from billing.models import Subscription, Wallet
from billing.rules.errors import BillingError
from customers.actions.delete import request_deletion
from customers.actions.merge import merge_customers
from customers.models import Customer, Merge
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.invoicing import billed_customer, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db(transaction=True)
AT = on(2026, 1, 16)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Do all at the same moment; what each returned or raised."""
    start = threading.Barrier(len(works))
    found: list[object] = [None] * len(works)

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            start.wait(10)
            found[number] = work()
        except BillingError as error:
            found[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def customers() -> tuple[Customer, Customer, Customer]:
    """Three with EUR credits of 10.00 and a subscription each."""
    organization = make_organization()
    plan = make_plan(organization)
    rows = [billed_customer(organization) for _ in range(3)]
    for row in rows:
        make_wallet(row, "10", AT)
        subscribe(row, plan, AT)
    return rows[0], rows[1], rows[2]


def merging(source: Customer, target: Customer) -> Callable[[], object]:
    return lambda: merge_customers(source, target, by=ACTOR, at=AT)


def test_two_merges_of_one_customer_move_it_once() -> None:
    source, one, other = customers()
    found = at_once(merging(source, one), merging(source, other))
    assert sum(isinstance(item, Merge) for item in found) == 1
    assert {getattr(item, "code", "") for item in found if isinstance(item, BillingError)} == {
        "customer_merged"
    }
    merge = Merge.objects.get()
    assert Subscription.objects.filter(customer=merge.target).count() == 2
    wallet = Wallet.objects.in_use().get(customer=merge.target, status="active")
    assert wallet.balance_minor == ledger_total(wallet) == 2000


def test_two_customers_merged_into_each_other_leave_one() -> None:
    one, other, _ = customers()
    found = at_once(merging(one, other), merging(other, one))
    assert sum(isinstance(item, Merge) for item in found) == 1
    left = Customer.objects.get(pk__in=[one.pk, other.pk], deleted_at=None)
    wallets = Wallet.objects.filter(customer=left).active()
    assert wallets.in_use().get().balance_minor == 2000
    assert wallets.get(is_primary=True).untouched, "the other's own unused one has ended"


def test_a_deletion_and_a_merge_do_not_both_happen() -> None:
    source, target, _ = customers()
    found = at_once(merging(source, target), lambda: request_deletion(source, by=ACTOR, at=AT))
    assert sum(isinstance(item, BillingError) for item in found) == 1
    source.refresh_from_db()
    assert (source.merged_into_id is None) == (source.deleting_at is not None)


def test_who_waits_for_a_customer_that_is_merged_meanwhile_goes_on_with_its_target() -> None:
    source, target, _ = customers()
    draft = create_one_off(source, [Item("Work", Decimal(5))], finalize=False, by=ACTOR, at=AT)
    result: list[object] = []

    def finalize() -> None:
        try:
            result.append(finalize_invoice(draft, by=ACTOR, at=AT))
        finally:
            connections.close_all()

    with transaction.atomic():
        lock_customer(source.pk)
        waiting = threading.Thread(target=finalize)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        merge_customers(source, target, by=ACTOR, at=AT)
    waiting.join(20)
    invoice = Invoice.objects.get(pk=draft.pk)
    assert result and invoice.status == "finalized"
    assert invoice.customer == target and invoice.buyer["external_id"] == target.external_id
