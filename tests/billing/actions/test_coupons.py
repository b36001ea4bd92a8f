"""Coupon terms: exact rows, what stays once a customer has it, the two ways to end."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.actions.coupon_terms import delete_coupon, terminate_coupon, update_coupon
from billing.actions.coupons import apply_coupon, remove_applied_coupon
from billing.actions.plans import delete_plan
from billing.models import AuditEntry, Coupon
from billing.rules.errors import BillingError, Conflict, FieldErrors
from tests.factories.catalog import make_coupon, make_metric, make_plan, subscribe
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def test_terms_are_written_in_one_shape() -> None:
    acme = make_organization()
    fixed = make_coupon(acme, "ten", amount_minor=1000, percentage=Decimal(5), periods=3)
    rate = make_coupon(
        acme, "part", percentage=Decimal("12.5"), frequency="recurring", periods=3, currency="EUR"
    )
    fixed.refresh_from_db()
    rate.refresh_from_db()
    assert (fixed.kind, fixed.amount_minor, fixed.currency, fixed.percentage) == (
        "fixed_amount",
        1000,
        "EUR",
        None,
    )
    assert (fixed.frequency, fixed.periods, fixed.reusable, fixed.expires_at) == ("once", None, True, None)
    assert (rate.kind, rate.percentage, rate.amount_minor, rate.currency) == (
        "percentage",
        Decimal("12.5"),
        None,
        "",
    )
    assert (rate.frequency, rate.periods) == ("recurring", 3)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 100, "currency": ""}, "currency"),
        ({"percentage": Decimal(0)}, "percentage"),
        ({"percentage": Decimal(101)}, "percentage"),
        ({"frequency": "recurring"}, "periods"),
        ({"frequency": "often"}, "frequency"),
        ({"kind": "gift"}, "kind"),
        ({"expires_at": NOW}, "expires_at"),
        ({"name": ""}, "name"),
    ],
)
def test_terms_that_are_not_whole_are_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BillingError) as caught:
        make_coupon(make_organization(), "ten", **fields)
    assert caught.value.field == field
    assert not Coupon.objects.exists()


def test_terms_stay_once_a_customer_has_it() -> None:
    acme = make_organization()
    coupon = make_coupon(acme, "ten")
    update_coupon(coupon, {"percentage": Decimal(20), "code": "twenty"}, by=ACTOR, at=NOW)
    customer = subscribe(make_plan(acme)).customer
    apply_coupon(customer, coupon, by=ACTOR, at=NOW)
    with pytest.raises(FieldErrors) as caught:
        update_coupon(coupon, {"percentage": Decimal(30), "reusable": False, "name": "x"}, by=ACTOR, at=NOW)
    assert [name for name, _ in caught.value.errors] == ["percentage", "reusable"]
    later = NOW + timedelta(days=3)
    update_coupon(
        coupon, {"name": "Twenty", "description": "For friends", "expires_at": later}, by=ACTOR, at=NOW
    )
    coupon.refresh_from_db()
    assert (coupon.percentage, coupon.code, coupon.name, coupon.expires_at) == (20, "twenty", "Twenty", later)


def test_terminating_keeps_applications_and_deleting_ends_them() -> None:
    acme = make_organization()
    coupon = make_coupon(acme, "ten")
    plan = make_plan(acme)
    one, two = subscribe(plan).customer, subscribe(plan).customer
    first = apply_coupon(one, coupon, by=ACTOR, at=NOW)
    for _ in range(2):
        terminate_coupon(coupon, by=ACTOR, at=NOW)
    assert AuditEntry.objects.filter(action="coupon.terminated").count() == 1
    with pytest.raises(Conflict):
        apply_coupon(two, coupon, by=ACTOR, at=NOW)
    first.refresh_from_db()
    assert first.status == "active"
    delete_coupon(coupon, by=ACTOR, at=NOW)
    first.refresh_from_db()
    coupon.refresh_from_db()
    assert (first.status, first.terminated_at, coupon.deleted_at) == ("terminated", NOW, NOW)
    assert AuditEntry.objects.get(action="coupon.deleted").changes == {"applications": [1, 0]}
    with pytest.raises(Conflict):
        delete_coupon(coupon, by=ACTOR, at=NOW)
    make_coupon(acme, "ten")


def test_limits_are_of_one_kind_and_stay_once_given() -> None:
    acme, other = make_organization(), make_organization("Other")
    pro, team, calls = make_plan(acme, code="pro"), make_plan(acme, code="team"), make_metric(acme, "calls")
    coupon = make_coupon(acme, "pro_only", plans=[pro, pro])
    assert AuditEntry.objects.get(action="coupon.created").changes["plans"] == [None, ["pro"]]
    gone = make_plan(acme, code="gone")
    delete_plan(gone, by=ACTOR, at=NOW)
    for changes in (
        {"metrics": [calls]},
        {"plans": [gone]},
        {"plans": [make_plan(other)]},
        {"plans": [], "metrics": [make_metric(other)]},
    ):
        with pytest.raises(BillingError) as caught:
            update_coupon(coupon, changes, by=ACTOR, at=NOW)
        assert caught.value.field == "applies_to"
        assert list(coupon.plans.all()) == [pro] and not coupon.metrics.exists()
    update_coupon(coupon, {"plans": [team, pro]}, by=ACTOR, at=NOW)
    assert AuditEntry.objects.get(action="coupon.updated").changes == {"plans": [["pro"], ["pro", "team"]]}
    delete_plan(team, by=ACTOR, at=NOW)  # a chosen one that is deleted meanwhile does not stand in the way
    update_coupon(coupon, {"name": "Pro", "plans": [team, pro]}, by=ACTOR, at=NOW)
    apply_coupon(subscribe(pro).customer, coupon, by=ACTOR, at=NOW)
    with pytest.raises(FieldErrors) as locked:
        update_coupon(coupon, {"plans": [], "metrics": [calls]}, by=ACTOR, at=NOW)
    assert [name for name, _ in locked.value.errors] == ["applies_to"]
    assert locked.value.code == "coupon_locked"


def test_two_coupons_of_a_customer_cannot_be_limited_to_the_same() -> None:
    acme = make_organization()
    pro, team, calls = make_plan(acme, name="Pro"), make_plan(acme), make_metric(acme, name="Calls")
    customer = subscribe(pro).customer
    first = apply_coupon(customer, make_coupon(acme, name="Spring", plans=[pro]), by=ACTOR, at=NOW)
    for fine in ({"plans": [team]}, {"metrics": [calls]}, {}, {}):
        apply_coupon(customer, make_coupon(acme, **fine), by=ACTOR, at=NOW)
    both = make_coupon(acme, plans=[pro, team])
    with pytest.raises(Conflict, match="has Spring, which lowers Pro too") as caught:
        apply_coupon(customer, both, by=ACTOR, at=NOW)
    assert (caught.value.code, caught.value.field) == ("coupon_limits_overlap", "coupon")
    with pytest.raises(Conflict, match="lowers Calls too"):
        apply_coupon(customer, make_coupon(acme, metrics=[calls]), by=ACTOR, at=NOW)
    remove_applied_coupon(first, by=ACTOR, at=NOW)
    apply_coupon(customer, make_coupon(acme, plans=[pro]), by=ACTOR, at=NOW)
    apply_coupon(subscribe(pro).customer, both, by=ACTOR, at=NOW)
