"""Two acts on one coupon at the same moment, on PostgreSQL: each use lowers one invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.coupons import apply_coupon, remove_applied_coupon
from billing.models import AppliedCoupon, Organization
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, InvoiceDeduction
from tests.factories.catalog import make_coupon
from tests.factories.invoicing import billed_customer, give_coupon, on
from tests.factories.people import ACTOR, make_organization
from tests.flows.test_races import AT, done, drafts, together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def test_the_last_use_of_a_coupon_lowers_one_of_two_invoices_and_is_given_back_once(
    organization: Organization,
) -> None:
    """Two drafts of 100.00 show 10 % for one invoice and, of half of it, 50 % once: 100.00 - 50.00 - 5.00 = 45.00."""
    customer = billed_customer(organization, grace_period_days=3)
    waiting = drafts(organization, customer, 2, 10000)
    half = give_coupon(customer, on(2026, 1, 1), percentage=Decimal(50))
    terms: dict[str, Any] = {"percentage": Decimal(10), "frequency": "recurring", "periods": 1}
    last = give_coupon(customer, on(2026, 1, 2), **terms)

    def settled() -> tuple[list[int], set[str], int | None]:
        last.refresh_from_db()
        half.refresh_from_db()
        rows = Invoice.objects.filter(pk__in=[draft.pk for draft in waiting])
        return sorted(row.total_minor for row in rows), {half.status, last.status}, last.periods_remaining

    def final(draft: Invoice) -> Any:
        return lambda: finalize_invoice(draft, by=ACTOR, at=AT)

    assert len(done(together(*map(final, waiting)))) == 2
    assert settled() == ([4500, 10000], {"terminated"}, 0)
    lowered = Invoice.objects.get(total_minor=4500)
    assert len(done(together(*[lambda: void_invoice(lowered, by=ACTOR, at=AT)] * 2))) == 1
    assert settled() == ([4500, 10000], {"active"}, 1)


def test_a_coupon_for_one_use_is_given_once_or_taken_away_before_it_is_used(
    organization: Organization,
) -> None:
    customer = billed_customer(organization, grace_period_days=3)
    (draft,) = drafts(organization, customer, 1, 10000)
    coupon = make_coupon(organization, reusable=False)

    def give() -> AppliedCoupon:
        return apply_coupon(customer, coupon, by=ACTOR, at=AT)

    (applied,) = done(together(give, give))

    def again() -> None:
        remove_applied_coupon(applied, by=ACTOR, at=AT)
        give()

    together(lambda: finalize_invoice(draft, by=ACTOR, at=AT), again)
    draft.refresh_from_db()
    active = AppliedCoupon.objects.active().count()
    used = InvoiceDeduction.objects.filter(invoice=draft, kind="coupon").count()
    assert (draft.status, active + used) == ("finalized", 1)
