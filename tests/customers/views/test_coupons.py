"""A customer's coupons: the tab, applying, removing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.actions.coupons import apply_coupon
from billing.actions.subscriptions import start_subscription
from billing.models import AppliedCoupon, AuditEntry, Organization
from customers.models import Customer
from tests.factories.catalog import make_coupon, make_plan
from tests.factories.customers import make_customer
from tests.factories.pages import htmx, queries, statuses, text, token
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 403, "support": 403, "stranger": 404}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, currency="EUR")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def test_tab_shows_terms_and_what_is_left(staff: Client, customer: Customer) -> None:
    path = f"/customers/{customer.public_id}/coupons"
    assert "No coupons yet" in text(staff.get(path))
    organization = customer.organization
    fixed = make_coupon(organization, "fixed", amount_minor=1500)
    thrice = make_coupon(organization, "thrice", percentage=Decimal("12.5"), frequency="recurring", periods=3)
    for coupon in (fixed, thrice):
        apply_coupon(customer, coupon, by=ACTOR, at=NOW)
    page = text(staff.get(path))
    assert "€15.00" in page and "12.5" in page and "3 of 3 invoices" in page and "<title>" in page
    partial = text(staff.get(path, headers=htmx("coupon-table")))
    assert partial.strip().startswith('<div id="coupon-table"') and "€15.00" in partial


def test_who_may(organization: Organization, customer: Customer) -> None:
    applied = apply_coupon(customer, make_coupon(organization), by=ACTOR, at=NOW)
    tab = statuses(organization, f"/customers/{customer.public_id}/coupons")
    assert tab == EDITORS | {"finance": 200, "support": 200}
    assert statuses(organization, f"/customers/{customer.public_id}/coupons/apply") == EDITORS
    remove = f"/applied-coupons/{applied.public_id}/remove"
    assert statuses(organization, remove) == EDITORS
    assert statuses(organization, remove, {}) == EDITORS | {"admin": 302, "manager": 302}


def test_applying_once_even_when_sent_twice(staff: Client, customer: Customer) -> None:
    coupon = make_coupon(customer.organization, name="Welcome")
    path = f"/customers/{customer.public_id}/coupons/apply"
    drawer = text(staff.get(path, headers=htmx("drawer")))
    assert "Welcome" in drawer and "<title>" not in drawer
    body = {"coupon": coupon.pk, "once": token(staff, path)}
    answer = staff.post(path, body, headers=htmx("drawer"))
    assert answer["HX-Redirect"] == reverse("customer-coupons", args=[customer.pk])
    assert staff.post(path, body).status_code == 302
    applied = AppliedCoupon.objects.get()
    assert (applied.customer_id, applied.percentage) == (customer.pk, 10)
    assert AuditEntry.objects.filter(action="coupon.applied", customer=customer).count() == 1
    undo = f"/applied-coupons/{applied.public_id}/remove"
    assert f'action="{undo}"' in text(staff.get(answer["HX-Redirect"]))
    staff.post(undo, headers={"HX-Request": "true"})
    assert not AppliedCoupon.objects.active().exists()


def test_what_does_not_fit_is_refused_at_the_field(staff: Client, customer: Customer) -> None:
    organization = customer.organization
    given = make_coupon(organization, name="Given")
    apply_coupon(customer, given, by=ACTOR, at=NOW)
    foreign = make_coupon(organization, name="Dollars", amount_minor=100, currency="USD")
    stranger = make_coupon(make_organization("Other"))
    path = f"/customers/{customer.public_id}/coupons/apply"
    for coupon, message in (
        ("", "required"),
        (foreign.pk, "valid choice"),
        (stranger.pk, "valid choice"),
        (given.pk, "has this coupon already"),
    ):
        answer = staff.post(path, {"coupon": coupon}, headers=htmx("drawer"))
        assert answer.status_code == 422, message
        assert message in str(answer.context["form"].errors["coupon"]) and message in text(answer)
    assert AppliedCoupon.objects.count() == 1


def test_a_look_says_what_the_next_invoice_would_be(staff: Client, customer: Customer) -> None:
    plan = make_plan(customer.organization, [], amount_minor=500_000, currency="EUR")
    start_subscription(customer, plan, by=ACTOR, at=timezone.now())
    coupon = make_coupon(customer.organization, amount_minor=1500)
    path, data = f"/customers/{customer.public_id}/coupons/apply", {"coupon": coupon.pk, "act": "look"}
    seen = staff.post(path, data, headers=htmx("coupon-effect"))
    assert "As it is now" in text(seen) and "<title>" not in text(seen)
    [row] = seen.context["lowered"]
    assert row.currency == "EUR" and row.total_minor - row.lowered_total_minor == 1500
    assert "Takes" not in text(staff.post(path, {"act": "look"})) and not AppliedCoupon.objects.exists()


def test_without_a_fitting_coupon_it_leads_to_coupons(staff: Client, customer: Customer) -> None:
    make_coupon(customer.organization, amount_minor=100, currency="USD")
    assert "No coupon fits" in text(staff.get(f"/customers/{customer.public_id}/coupons/apply"))


def test_removing_twice_is_once(staff: Client, customer: Customer) -> None:
    applied = apply_coupon(customer, make_coupon(customer.organization, name="Gone"), by=ACTOR, at=NOW)
    path = f"/applied-coupons/{applied.public_id}/remove"
    assert "Gone" in text(staff.get(path, headers=htmx("dialog")))
    assert [staff.post(path).status_code for _ in range(2)] == [302, 302]
    applied.refresh_from_db()
    assert applied.status == "terminated"
    assert AuditEntry.objects.filter(action="coupon.removed").count() == 1
    undo = path.replace("remove", "restore")
    assert f'action="{undo}"' in text(staff.get(f"/customers/{customer.public_id}/coupons"))
    assert [staff.post(undo).status_code for _ in range(2)] == [302, 302]
    applied.refresh_from_db()
    assert (applied.status, applied.terminated_at) == ("active", None)
    assert AuditEntry.objects.filter(action="coupon.restored").count() == 1
    staff.post(path)
    AppliedCoupon.objects.filter(pk=applied.pk).update(frequency="recurring", periods_remaining=0)
    assert staff.post(undo, headers={"HX-Request": "true"}).status_code == 409
    AppliedCoupon.objects.filter(pk=applied.pk).update(periods_remaining=2)
    apply_coupon(customer, applied.coupon, by=ACTOR, at=NOW)
    assert staff.post(undo, headers={"HX-Request": "true"}).status_code == 409


def test_queries_do_not_grow_with_the_rows(staff: Client, customer: Customer) -> None:
    apply_coupon(customer, make_coupon(customer.organization), by=ACTOR, at=NOW)
    paths = [f"/customers/{customer.public_id}/coupons", f"/customers/{customer.public_id}/coupons/apply"]
    for path in paths:
        staff.get(path)  # the first visit is noted and fills what the shell keeps
    one = [queries(staff, path) for path in paths]
    for _ in range(4):
        apply_coupon(customer, make_coupon(customer.organization), by=ACTOR, at=NOW)
    assert [queries(staff, path) for path in paths] == one
    assert one == [8, 6]  # the tab says what each is limited to: its plans and metrics are two queries
