"""A coupon that is given once per customer, when two customers turn out to be one and when invoices are voided: one
application of it at most is active.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.coupons import apply_coupon, remove_applied_coupon, restore_applied_coupon
from billing.models import AppliedCoupon, Coupon, Organization
from billing.rules.errors import Conflict
from customers.actions.merge import merge_customers
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.catalog import make_coupon
from tests.factories.invoicing import billed_customer, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization

pytestmark = pytest.mark.django_db
START, AT = on(2026, 1, 1), on(2026, 2, 2)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def coupon_of(organization: Organization, **terms: Any) -> Coupon:
    return make_coupon(organization, **({"percentage": Decimal(50), "frequency": "once"} | terms))


def using(
    organization: Organization, coupon: Coupon, *, billed: bool = True
) -> tuple[Customer, AppliedCoupon]:
    """A customer who has the coupon and, once January is billed, has used it."""
    customer = billed_customer(organization)
    applied = apply_coupon(customer, coupon, by=ACTOR, at=START)
    if billed:
        subscribe(customer, make_plan(organization), START)
    return customer, applied


def merge(source: Customer, target: Customer) -> None:
    merge_customers(source, target, by=ACTOR, at=AT)


def active() -> set[Any]:
    return set(AppliedCoupon.objects.active().values_list("pk", flat=True))


@pytest.mark.parametrize("source_used", [True, False])
@pytest.mark.parametrize("reusable", [True, False])
def test_what_either_has_used_once_is_not_used_again(
    organization: Organization, reusable: bool, source_used: bool
) -> None:
    coupon = coupon_of(organization, reusable=reusable)
    used, _ = using(organization, coupon)
    unused, waiting = using(organization, coupon, billed=False)
    run(on(2026, 2, 1))
    merge(*((used, unused) if source_used else (unused, used)))
    assert active() == ({waiting.pk} if reusable else set())


def test_one_that_lowers_invoices_already_goes_on(organization: Organization) -> None:
    coupon = coupon_of(organization, reusable=False, frequency="recurring", periods=3)
    source, first = using(organization, coupon)
    target, second = using(organization, coupon)
    run(on(2026, 2, 1))
    AppliedCoupon.objects.filter(pk=second.pk).update(periods_remaining=1)
    merge(source, target)
    assert active() == {first.pk}, "the one with more left"


@pytest.mark.parametrize("reusable", [True, False])
def test_voided_invoices_of_both_give_one_back(organization: Organization, reusable: bool) -> None:
    coupon = coupon_of(organization, reusable=reusable, percentage=None, amount_minor=1000, currency="EUR")
    source, first = using(organization, coupon)
    target, second = using(organization, coupon)
    run(on(2026, 2, 1))
    merge(source, target)
    invoices = list(Invoice.objects.filter(customer=target, coupons_minor=1000))
    assert len(invoices) == 2 and not active()
    for invoice in invoices:
        void_invoice(invoice, by=ACTOR, at=AT)
    assert active() == {first.pk, second.pk} if reusable else len(active()) == 1
    left = AppliedCoupon.objects.active().values_list("remaining_minor", flat=True)
    assert set(left) == {1000}


def test_a_removal_is_not_taken_back_once_the_coupon_was_used(organization: Organization) -> None:
    coupon = coupon_of(organization, reusable=False)
    customer, removed = using(organization, coupon)
    remove_applied_coupon(removed, by=ACTOR, at=START)
    apply_coupon(customer, coupon, by=ACTOR, at=START)
    run(on(2026, 2, 1))
    assert not active()
    with pytest.raises(Conflict, match="once per customer"):
        restore_applied_coupon(removed, by=ACTOR, at=AT)
