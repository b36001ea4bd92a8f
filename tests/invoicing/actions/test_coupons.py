"""Coupons on real invoices: what the limits reach, each use counted once, what a void gives back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.actions.coupons import apply_coupon, remove_applied_coupon
from billing.actions.fixed_charges import FixedTerms
from billing.actions.own_terms import agree_on
from billing.models import AppliedCoupon, Coupon, Organization
from billing.queries.own_terms import OwnTerms
from billing.rules.errors import Conflict
from invoicing.actions.billing_run import run
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from tests.factories.catalog import charge, make_add_on, make_coupon, make_metric
from tests.factories.invoicing import billed_customer, default_tax, give_coupon, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def figures(at: datetime) -> tuple[Any, ...]:
    """Of the invoice of that moment: lines, coupons in their order, tax, total."""
    invoice = Invoice.objects.exclude(number="").get(finalized_at=at)
    taken = invoice.deductions.order_by("pk").values_list("label", "amount_minor")
    return invoice.lines_minor, list(taken), invoice.taxes_minor, invoice.total_minor


def test_limits_reach_their_lines_and_a_use_counts_once_an_invoice(organization: Organization) -> None:
    """January. Pro: fee 31.00, 100 calls 10.00, raised to its minimum spend by 10.00, an add-on 10.00. Team: fee
    50.00, 300 calls 30.00. Together 141.00.
    Calls 50 %: of 10.00 + 10.00 + 30.00 = 25.00 (5.00, 5.00, 15.00). Team 10 %: of 50.00 + 15.00 = 6.50.
    All 5.00: of 141.00 - 31.50 = 109.50. Left 104.50, tax 20.90, total 125.40.
    February without usage: 31.00 + 20.00 + 10.00 + 50.00 = 111.00. Only Calls is left: 50 % of the minimum spend,
    10.00. Left 101.00, tax 20.20, total 121.20. That was its second and last use, until the invoice is voided.
    """
    default_tax(organization, "20")
    calls = make_metric(organization, "calls")
    add_on = make_add_on(organization, amount_minor=1000)
    fixed = FixedTerms(add_on, properties={"amount": "10"})
    pro = make_plan(organization, 3100, charge(calls, min_amount_minor=2000), fixed_charges=[fixed])
    team = make_plan(organization, 5000, charge(calls))
    customer = billed_customer(organization)
    start = on(2026, 1, 1)
    one, two = subscribe(customer, pro, start), subscribe(customer, team, start)
    give_coupon(customer, start, name="All", amount_minor=500)
    give_coupon(customer, start, name="Team", percentage=Decimal(10), plans=[team])
    terms: dict[str, Any] = {"percentage": Decimal(50), "frequency": "recurring", "periods": 2}
    half = give_coupon(customer, start, name="Calls", metrics=[calls], **terms)
    give_coupon(customer, start, name="Elsewhere", plans=[make_plan(organization)])
    use(one, calls, 100, at=on(2026, 1, 10))
    use(two, calls, 300, at=on(2026, 1, 10))

    run(on(2026, 2, 1))

    taken = [("Calls", 2500), ("Team", 650), ("All", 500)]
    assert figures(on(2026, 2, 1)) == (14100, taken, 2090, 12540)
    half.refresh_from_db()
    assert (half.status, half.periods_remaining) == ("active", 1)

    run(on(2026, 3, 1))

    assert figures(on(2026, 3, 1)) == (11100, [("Calls", 1000)], 2020, 12120)
    half.refresh_from_db()
    assert (half.status, half.periods_remaining) == ("terminated", 0)
    left = AppliedCoupon.objects.active().values_list("coupon__name", flat=True)
    assert list(left) == ["Elsewhere"]

    void_invoice(Invoice.objects.get(finalized_at=on(2026, 3, 1)), by=ACTOR, at=on(2026, 3, 2))
    run(on(2026, 4, 1))

    assert figures(on(2026, 4, 1)) == (11100, [("Calls", 1000)], 2020, 12120)
    half.refresh_from_db()
    assert (half.status, half.periods_remaining) == ("terminated", 0)


def test_what_can_be_given_once_can_be_given_again_until_an_invoice_used_it(
    organization: Organization,
) -> None:
    """100.00 less 10 % is 90.00. A draft's preview is no use; a void takes the use back."""
    coupon = make_coupon(organization, reusable=False)
    Coupon.objects.filter(pk=coupon.pk).update(expires_at=on(2026, 1, 20))
    customer = billed_customer(organization, grace_period_days=3)
    subscribe(customer, make_plan(organization, 10000), on(2026, 1, 1))

    def give(day: int) -> AppliedCoupon:
        return apply_coupon(customer, coupon, by=ACTOR, at=on(2026, 1, day))

    remove_applied_coupon(give(2), by=ACTOR, at=on(2026, 1, 2))
    applied = give(3)
    run(on(2026, 2, 1))
    draft = Invoice.objects.get()
    assert draft.coupons_minor == 1000  # it has expired meanwhile: who has it keeps it
    remove_applied_coupon(applied, by=ACTOR, at=on(2026, 1, 4))
    applied = give(5)
    invoice = finalize_invoice(draft, by=ACTOR, at=on(2026, 2, 1))
    applied.refresh_from_db()
    assert (invoice.total_minor, applied.status) == (9000, "terminated")

    with pytest.raises(Conflict, match=f"once per customer. It lowered invoice {invoice.number}") as caught:
        give(6)
    assert (caught.value.code, caught.value.field) == ("coupon_not_reusable", "coupon")
    give_coupon(customer, on(2026, 1, 6))  # another one, by the same person
    apply_coupon(billed_customer(organization), coupon, by=ACTOR, at=on(2026, 1, 6))  # another customer

    void_invoice(invoice, by=ACTOR, at=on(2026, 2, 2))
    applied.refresh_from_db()
    assert applied.status == "active"
    remove_applied_coupon(applied, by=ACTOR, at=on(2026, 2, 2))
    give(7)
    with pytest.raises(Conflict, match="has ended"):
        give(20)


def test_a_limit_to_a_plan_reaches_what_was_agreed_with_one_subscription(organization: Organization) -> None:
    """24.80 instead of 31.00, and 100 calls at 0.10: 34.80. 10 % of the plan's lines: 3.48."""
    calls = make_metric(organization, "calls")
    pro = make_plan(organization, 3100, charge(calls))
    customer = billed_customer(organization)
    row = subscribe(customer, pro, on(2026, 1, 1))
    agree_on(row, OwnTerms(amount_minor=2480), by=ACTOR, at=on(2026, 1, 1))
    give_coupon(customer, on(2026, 1, 1), name="Pro", percentage=Decimal(10), plans=[pro])
    use(row, calls, 100, at=on(2026, 1, 10))
    run(at=on(2026, 2, 1))
    assert figures(on(2026, 2, 1)) == (3480, [("Pro", 348)], 0, 3132)
