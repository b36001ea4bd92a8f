"""/api/coupons, and giving them to customers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import AppliedCoupon, Coupon
from tests.factories.catalog import make_coupon, make_plan, subscribe
from tests.factories.people import make_key, make_organization

pytestmark = pytest.mark.django_db


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
