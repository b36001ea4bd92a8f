"""A deletion that is asked for again, that fails half-way, and what is refused meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.actions import later
from billing.actions.coupons import apply_coupon
from billing.actions.wallet_opening import create_wallet
from billing.models import AppliedCoupon, AuditEntry, Job, Subscription, WalletEntry
from billing.rules.errors import BillingError, Conflict, Invalid
from customers.actions import delete as deletion
from customers.actions.assign import assign_plan
from customers.actions.customers import update_customer
from customers.actions.delete import KEEP
from customers.models import Customer
from invoicing.actions.billing_run import bill_now
from invoicing.actions.top_up import sell_credits
from invoicing.models import CreditNote, Invoice
from tests.factories.catalog import make_coupon
from tests.factories.deleting import AT, Case, ask, make_case, one_off, rows, work
from tests.factories.invoicing import make_plan, on
from tests.factories.people import ACTOR


@pytest.fixture
def case(db: None) -> Case:
    return make_case()


def test_asking_again_is_the_same_job(case: Case) -> None:
    first = ask(case)
    second = ask(case, at=on(2026, 1, 17), unpaid_invoices=KEEP)
    assert second.pk == first.pk and Job.objects.filter(task="customers.delete").count() == 1
    assert AuditEntry.objects.filter(action="customer.deletion_requested").count() == 1
    work(first)
    before = rows(case.customer)
    work(first)  # a second message for the same job
    assert rows(case.customer) == before
    with pytest.raises(Conflict) as error:
        ask(case)
    assert error.value.code == "customer_deleted"


@pytest.mark.parametrize("name", [name for name, _, _ in deletion.STEPS])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_failure_in_any_step_is_resumed_without_repeating(
    case: Case, name: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step dies before or after its work; asking again goes on there, and the end is the same."""
    twin = expected_end(case)
    real = {step: function for step, _, function in deletion.STEPS}

    def dying(cascade: deletion.Cascade) -> str:
        if after:
            real[name](cascade)
        raise RuntimeError("the disk is full")

    broken = tuple(
        (step, label, dying if step == name else function) for step, label, function in deletion.STEPS
    )
    with monkeypatch.context() as patch:
        patch.setattr(deletion, "STEPS", broken)
        job = work(ask(case))
    assert job.state == "failed" and "the disk is full" in job.error
    marked = name in {"customer", "providers"}
    again = later.run_again(job) if marked else ask(case, at=on(2026, 1, 20))
    assert again.pk == job.pk
    work(again)
    job.refresh_from_db()
    assert job.state == "succeeded"
    assert figures_of(case.customer) == twin
    assert WalletEntry.objects.filter(wallet=case.wallet, key="terminated").count() == 1
    assert CreditNote.objects.filter(customer=case.customer).count() == 1
    assert AuditEntry.objects.filter(action="customer.deleted").count() == 1


def figures_of(customer: Customer) -> list[Any]:
    """Amounts and states, without keys."""
    return [
        sorted(Invoice.objects.filter(customer=customer).values_list("status", "total_minor", "lines_minor")),
        sorted(CreditNote.objects.filter(customer=customer).values_list("total_minor", "balance_minor")),
        sorted(Subscription.objects.filter(customer=customer).values_list("status", "terminated_at")[:2]),
        sorted(WalletEntry.objects.filter(wallet__customer=customer).values_list("kind", "amount_minor")),
        sorted(AppliedCoupon.objects.filter(customer=customer).values_list("status")),
    ]


def expected_end(case: Case) -> list[Any]:
    """The figures after an undisturbed cascade, taken back again."""
    from django.db import transaction

    with transaction.atomic():
        work(ask(case))
        found = figures_of(case.customer)
        transaction.set_rollback(True)
    case.customer.refresh_from_db()
    return found


def test_a_customer_being_deleted_gets_nothing_new(case: Case) -> None:
    ask(case)
    plan, coupon = make_plan(case.organization), make_coupon(case.organization)
    before = rows(case.customer)
    attempts: list[Callable[[], Any]] = [
        lambda: assign_plan(case.customer, plan, by=ACTOR, at=AT),
        lambda: apply_coupon(case.customer, coupon, by=ACTOR, at=AT),
        lambda: create_wallet(case.customer, currency="EUR", by=ACTOR, at=AT),
        lambda: one_off(case.customer, 5),
        lambda: bill_now(case.customer, by=ACTOR, at=AT),
        lambda: sell_credits(case.wallet, Decimal(5), by=ACTOR, at=AT),
        lambda: update_customer(case.customer, {"name": "New"}, by=ACTOR, at=AT),
    ]
    for attempt in attempts:
        with pytest.raises(BillingError) as error:
            attempt()
        assert error.value.code == "customer_deleted"
    assert rows(case.customer) == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"confirmation": "crm-2", "money_involved": True}, "confirmation"),
        ({"confirmation": "", "money_involved": True}, "confirmation"),
        ({"unpaid_invoices": "burn"}, "unpaid_invoices"),
    ],
)
def test_refusals_change_nothing(case: Case, fields: dict[str, Any], field: str) -> None:
    before = rows(case.customer)
    with pytest.raises(Invalid) as error:
        ask(case, **fields)
    assert error.value.field == field
    assert rows(case.customer) == before
