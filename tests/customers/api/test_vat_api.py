"""The VAT number by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Organization
from customers.models import Customer
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.people import make_organization
from tests.services.vies import FakeVies

pytestmark = pytest.mark.django_db
FR = "FR40303265045"


@pytest.fixture
def organization() -> Organization:
    """Somebody with a key."""
    return make_organization()


def created(api: Api, **body: Any) -> tuple[str, dict[str, Any]]:
    """Path and payload of a new company."""
    given = {"email": "ap@globex.example", "taxId": FR, "country": "FR", "customerType": "BUSINESS"}
    status, answer = api.post("/customers", given | body)
    assert status == 201, answer
    return f"/customers/{answer['data']['id']}", answer["data"]


def test_create_verify_override_and_clear(organization: Organization, vies: FakeVies) -> None:
    api = Api(organization)
    path, data = created(api)
    assert data["vatValidationStatus"] == "pending" and vies.log == []
    for _ in range(2):
        status, body = api.post(f"{path}/vat/verify")
        assert (status, body["data"]["vatValidationStatus"]) == (200, "valid")
    status, body = api.post(f"{path}/vat/override", {"reason": "Seen on paper", "ttlDays": 30})
    assert (status, body["data"]["vatValidationStatus"]) == (200, "manual")
    [row, *_] = api.get(f"{path}/vat/verifications")[1]["data"]
    assert (row["provider"], row["status"], row["reason"]) == ("manual", "manual", "Seen on paper")
    assert row["actor"] == "API key Test" and row["expiresAt"]
    for _ in range(2):
        status, body = api.delete(f"{path}/vat/override")
        assert (status, body["data"]["vatValidationStatus"]) == (200, "unvalidated")
    page = api.get(f"{path}/vat/verifications", limit=1)[1]
    assert page["data"][0]["status"] == "pending" and page["meta"]["total"] == 3
    assert api.post(f"{path}/vat/verify")[1]["data"]["vatValidationStatus"] == "valid"


def test_hints_and_switches(organization: Organization, vies: FakeVies) -> None:
    api = Api(organization)
    path, data = created(api, autoValidateVat=False)
    assert data["vatValidationStatus"] == "unvalidated"
    assert api.patch(path, {"auto_validate_vat": True})[1]["data"]["vatValidationStatus"] == "pending"
    out = {"vatValidationDisabled": True, "vatValidationDisabledReason": "Exempt"}
    data = api.patch(path, out)[1]["data"]
    assert (data["vatValidationDisabledReason"], data["vatValidationStatus"]) == ("Exempt", "unvalidated")
    assert refused(api.post(f"{path}/vat/verify"))[:2] == (409, "vat_validation_disabled")
    api.patch(path, {"vatValidationDisabled": False, "autoValidateVat": False})
    Organization.objects.update(vat_validation_enabled=False)
    assert refused(api.post(f"{path}/vat/verify"))[:2] == (409, "vat_validation_disabled")
    assert vies.log == []


def test_bad_bodies_are_refused_by_field(organization: Organization) -> None:
    api = Api(organization)
    path = f"/customers/{make_customer(organization, tax_id=FR, country='FR').public_id}/vat/override"
    later = (timezone.now() + timedelta(days=9)).isoformat()
    for body, field in (
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "Seen", "ttlDays": 0}, "ttlDays"),
        ({"reason": "Seen", "ttlDays": "many"}, "ttlDays"),
        ({"reason": "Seen", "expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"reason": "Seen", "ttlDays": 3, "expiresAt": later}, "expiresAt"),
        ({"reason": "Seen", "until": later}, "until"),
    ):
        status, _, named = refused(api.post(path, body))
        assert (status, named) == (400, field), body
    assert Customer.objects.get().vat_status == "pending"
    assert api.post(path, {"reason": "Seen", "expiresAt": later})[0] == 200


def test_what_cannot_be_checked_is_named(organization: Organization) -> None:
    api = Api(organization)
    for fields, code in (({}, "no_tax_id"), ({"tax_id": "1000123456"}, "vat_number_not_covered")):
        customer = make_customer(organization, **fields)
        answer = refused(api.post(f"/customers/{customer.public_id}/vat/verify"))
        assert answer == (400, code, "taxId")


def test_strangers_find_nothing(organization: Organization) -> None:
    path = f"/customers/{make_customer(organization, tax_id=FR).public_id}/vat"
    other = Api(make_organization("Beta"))
    found = [
        other.post(f"{path}/verify"),
        other.post(f"{path}/override", {"reason": "Seen"}),
        other.delete(f"{path}/override"),
        other.get(f"{path}/verifications"),
    ]
    assert {status for status, _ in found} == {404}
