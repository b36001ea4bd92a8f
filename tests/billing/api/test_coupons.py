"""/api/coupons, and giving them to customers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import AppliedCoupon, Coupon
from tests.factories.catalog import make_coupon, make_metric, make_plan, subscribe
from tests.factories.people import make_key, make_organization

pytestmark = pytest.mark.django_db
FIVE = {"couponType": "percentage", "percentage": 5}


def test_a_coupon_through_its_life(client: Client) -> None:
    acme = make_organization()
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    json: dict[str, Any] = {"content_type": "application/json", "headers": headers}
    body = {"name": "Ten", "code": "ten", "couponType": "fixed_amount", "amount": 10.5, "currency": "eur"}
    made = client.post("/api/coupons", body, **json)
    assert made.status_code == 201
    data = made.json()["data"]
    assert (data["amount"], data["currency"], data["percentage"], data["status"]) == (
        10.5,
        "EUR",
        None,
        "active",
    )
    assert client.post("/api/coupons", body, **json).status_code == 409
    customer = subscribe(make_plan(acme)).customer
    given = client.post("/api/coupons/apply", {"customerId": customer.external_id, "couponId": "ten"}, **json)
    assert given.status_code == 201
    again = client.post(
        "/api/coupons/apply", {"customerId": customer.public_id, "couponId": data["id"]}, **json
    )
    assert again.status_code == 409
    locked = client.patch("/api/coupons/ten", {"amount": 11, "currency": "EUR"}, **json)
    assert (locked.status_code, locked.json()["error"]["code"]) == (400, "coupon_locked")
    assert client.patch("/api/coupons/ten", {"name": "Tenner"}, **json).json()["data"]["name"] == "Tenner"
    applied = given.json()["data"]["id"]
    for _ in range(2):
        removed = client.delete(f"/api/coupons/applied/{applied}", headers=headers)
        assert (removed.status_code, removed.json()["data"]["status"]) == (200, "terminated")
    assert client.delete("/api/coupons/ten", headers=headers).status_code == 200
    assert client.get("/api/coupons", headers=headers).json()["data"] == []


def test_limits_by_code(client: Client) -> None:
    acme = make_organization()
    make_plan(acme, code="pro"), make_metric(acme, "calls")
    json: dict[str, Any] = {
        "content_type": "application/json",
        "headers": {"Authorization": f"Bearer {make_key(acme)}"},
    }

    def limits(answer: Any, status: int) -> tuple[Any, ...]:
        assert answer.status_code == status
        data = answer.json()["data"]
        names = ("limitedPlans", "planCodes", "limitedBillableMetrics", "billableMetricCodes")
        return tuple(data[name] for name in names)

    body = {"name": "C", "code": "c", **FIVE, "appliesTo": {"planCodes": ["pro"]}}
    assert limits(client.post("/api/coupons", body, **json), 201) == (True, ["pro"], False, [])
    assert limits(client.patch("/api/coupons/c", {"name": "D"}, **json), 200) == (True, ["pro"], False, [])
    body = {"applies_to": {"billable_metric_codes": ["calls"]}}
    assert limits(client.patch("/api/coupons/c", body, **json), 200) == (False, [], True, ["calls"])
    body = {"applies_to": {"plan_codes": ["pro"], "billable_metric_codes": ["calls"]}}
    refused = client.patch("/api/coupons/c", body, **json)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "limits_of_two_kinds")
    listed = client.get("/api/coupons", headers=json["headers"]).json()["data"]
    assert [row["billableMetricCodes"] for row in listed] == [["calls"]]
    assert limits(client.patch("/api/coupons/c", {"appliesTo": None}, **json), 200) == (False, [], False, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"couponType": "percentage"}, "percentage"),
        ({"couponType": "percentage", "percentage": 200}, "percentage"),
        ({"couponType": "fixed_amount", "amount": 1}, "currency"),
        ({"couponType": "fixed_amount", "amount": 1.5, "currency": "JPY"}, "amount"),
        ({"couponType": "percentage", "percentage": 5, "frequency": "recurring"}, "periods"),
        ({"couponType": "percentage", "percentage": 5, "expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"couponType": "percentage", "percentage": 5, "expiresAt": "2999-01-01T00:00:00"}, "expiresAt"),
        ({"couponType": "percentage", "percentage": 5, "limit": 1}, "limit"),
        ({**FIVE, "appliesTo": {"planCodes": ["no"]}}, "appliesTo.planCodes"),
        ({**FIVE, "applies_to": {"billable_metric_codes": ["no"]}}, "appliesTo.billableMetricCodes"),
        ({**FIVE, "appliesTo": {"plans": ["no"]}}, "appliesTo.plans"),
    ],
)
def test_bad_bodies_are_refused_by_field(client: Client, body: dict[str, Any], field: str) -> None:
    headers = {"Authorization": f"Bearer {make_key(make_organization())}"}
    whole = {"name": "C", "code": "c"} | body
    answer = client.post("/api/coupons", whole, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["field"]) == (400, field)
    assert not Coupon.objects.exists()


def test_nothing_crosses_organizations(client: Client) -> None:
    acme, other = make_organization(), make_organization("Other")
    coupon = make_coupon(acme, "ten")
    stranger = subscribe(make_plan(other)).customer
    headers = {"Authorization": f"Bearer {make_key(acme)}"}
    body = {"customerId": stranger.public_id, "couponId": coupon.public_id}
    answer = client.post("/api/coupons/apply", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["field"]) == (400, "customerId")
    headers = {"Authorization": f"Bearer {make_key(other)}"}
    assert client.get(f"/api/coupons/{coupon.public_id}", headers=headers).status_code == 404
    body = {"customerId": stranger.public_id, "couponId": coupon.public_id}
    answer = client.post("/api/coupons/apply", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["field"]) == (400, "couponId")
    assert not AppliedCoupon.objects.exists()
