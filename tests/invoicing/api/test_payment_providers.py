"""/api/payment-providers, and the providers' ids on customers."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from billing.clients.sealed import seal, unseal
from billing.models import AuditEntry, Organization
from customers.models import Customer
from invoicing.actions.provider_push import run
from invoicing.models import PaymentProvider, ProviderLink
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.people import make_organization
from tests.factories.providers import link_of, make_provider, throwing
from tests.services.stripe import KEY, FakeStripe

pytestmark = pytest.mark.django_db
SECRETS = {"secret_key": "sk_live_hush", "publishable_key": "pk_live_hush"}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def api(acme: Organization) -> Api:
    return Api(acme)


@pytest.mark.parametrize("kind", ["stripe", "flutterwave", "paystack", "mpesa", "manual"])
def test_each_kind_is_created_and_listed_without_its_credentials(api: Api, kind: str) -> None:
    status, body = api.post(
        "/payment-providers", {"type": kind, "name": "Production", "credentials": SECRETS}
    )
    assert status == 201
    data = body["data"]
    assert data["id"].startswith("pprv_")
    assert (data["name"], data["type"], data["providerName"]) == ("Production", kind, kind)
    assert (data["active"], data["isActive"], data["priority"]) == (True, True, 1)
    status, listed = api.get("/payment-providers")
    assert (status, listed["data"], listed["meta"]["total"]) == (200, [data], 1)
    assert api.get(f"/payment-providers/{data['id']}") == (200, {"data": data})
    assert "hush" not in json.dumps(listed, default=str)
    row = PaymentProvider.objects.get()
    assert b"hush" not in bytes(row.credentials)
    assert unseal(row.credentials) == SECRETS
    assert "hush" not in json.dumps(list(AuditEntry.objects.values_list("changes", flat=True)))


def test_the_other_spelling(api: Api) -> None:
    status, body = api.post(
        "/payment-providers", {"providerName": "M-Pesa", "credentials": {}, "isActive": False, "priority": 3}
    )
    assert status == 201
    data = body["data"]
    assert (data["type"], data["name"], data["isActive"], data["priority"]) == ("mpesa", "M-Pesa", False, 3)
    again = api.post("/payment-providers", {"providerName": "mpesa", "credentials": {}})
    assert refused(again) == (409, "name_taken", "name")


def test_change_rotate_and_delete(api: Api, stripe: FakeStripe) -> None:
    _, body = api.post("/payment-providers", {"type": "stripe", "credentials": {"secretKey": "sk_wrong"}})
    path = f"/payment-providers/{body['data']['id']}"
    status, tested = api.post(f"{path}/test")
    assert (status, tested["success"]) == (200, False)
    assert tested["message"] == tested["data"]["message"] == "Stripe does not accept the secret key."
    assert api.get(path)[1]["data"]["testError"] == "Stripe does not accept the secret key."
    status, body = api.patch(path, {"name": "Main", "active": False, "credentials": {"secretKey": KEY}})
    assert (status, body["data"]["name"], body["data"]["isActive"]) == (200, "Main", False)
    assert body["data"]["testError"] is None
    assert api.post(f"{path}/test")[1]["success"] is True
    assert api.patch(path, {"isActive": True})[1]["data"]["active"] is True
    status, body = api.delete(path)
    assert (status, bool(body["data"]["deletedAt"])) == (200, True)
    assert api.get(path)[0] == 404
    assert unseal(PaymentProvider.objects.get().credentials) == {}
    assert api.post("/payment-providers", {"type": "stripe", "name": "Main"})[0] == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "paypal"}, "type"),
        ({}, "type"),
        ({"type": "stripe", "name": "x" * 101}, "name"),
        ({"type": "stripe", "priority": 0}, "priority"),
        ({"type": "stripe", "priority": 99999}, "priority"),
        ({"type": "stripe", "active": "yes"}, "active"),
        ({"type": "stripe", "active": None}, "active"),
        ({"type": "stripe", "credentials": "sk"}, "credentials"),
        ({"type": "stripe", "credentials": {"a": {"b": 1}}}, "credentials.a"),
        ({"type": "stripe", "credentials": {"a": "x" * 5001}}, "credentials.a"),
        ({"type": "stripe", "secret": "x"}, "secret"),
    ],
)
def test_bad_bodies_are_refused_by_field(api: Api, body: dict, field: str) -> None:
    status, _, named = refused(api.post("/payment-providers", body))
    assert (status, named) == (400, field)
    assert not PaymentProvider.objects.exists()


def test_credentials_that_can_no_longer_be_read(api: Api, acme: Organization, stripe: FakeStripe) -> None:
    account = make_provider(acme)
    PaymentProvider.objects.filter(pk=account.pk).update(credentials=b"not sealed with our key")
    customer = make_customer(acme)
    tested = api.post(f"/payment-providers/{account.public_id}/test")[1]
    assert (tested["success"], "Enter them again" in tested["message"]) == (False, True)
    run(timezone.now())
    assert link_of(customer).state == "failed"
    api.patch(f"/payment-providers/{account.public_id}", {"credentials": {"secret_key": KEY}})
    run(timezone.now())
    assert link_of(customer).state == "synced"


def test_a_key_of_its_own_does_not_lose_what_was_sealed_before(settings) -> None:
    before = seal({"a": "1"})
    settings.CREDENTIALS_KEY = "another"
    after = seal({"a": "2"})
    assert (unseal(before), unseal(after)) == ({"a": "1"}, {"a": "2"})
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "rotated"
    assert unseal(before) == {"a": "1"}


def test_strangers_get_404(acme: Organization) -> None:
    account = make_provider(acme)
    other = Api(make_organization("Other"))
    path = f"/payment-providers/{account.public_id}"
    assert [other.get(path)[0], other.patch(path, {"name": "x"})[0], other.delete(path)[0]] == [404] * 3
    assert other.post(f"{path}/test")[0] == 404
    assert other.get("/payment-providers")[1]["data"] == []


def test_the_providers_id_is_answered_and_found_by(api: Api, acme: Organization, stripe: FakeStripe) -> None:
    make_provider(acme)
    throwing(acme)
    status, body = api.post("/customers", {"email": "a@ngoma.example", "name": "Ngoma"})
    data = body["data"]
    assert (status, data["providerCustomerIds"]) == (201, {"stripe": stripe.only()["id"]})
    assert api.get(f"/customers/external/{stripe.only()['id']}")[1]["data"]["id"] == data["id"]
    status, body = api.patch(f"/customers/{data['id']}", {"email": "new@ngoma.example"})
    assert (status, body["data"]["id"], stripe.only()["email"]) == (200, data["id"], "new@ngoma.example")
    theirs = stripe.add(name="Made there")
    status, body = api.patch(f"/customers/{data['id']}", {"providerCustomerIds": {"stripe": theirs}})
    assert (status, body["data"]["id"]) == (200, data["id"])
    assert body["data"]["providerCustomerIds"] == {"stripe": theirs}
    assert stripe.customers[theirs]["name"] == "Ngoma"


def test_a_provider_that_is_down_decides_by_strategy(
    api: Api, acme: Organization, stripe: FakeStripe
) -> None:
    make_provider(acme)
    stripe.next(503)
    status, body = api.post("/customers", {"email": "a@ngoma.example"})
    assert (status, body["data"]["providerCustomerIds"]) == (201, {})
    run(timezone.now())
    assert ProviderLink.objects.get().error == "Injected 503."
    throwing(acme)
    stripe.next(503)
    status, code, _ = refused(api.post("/customers", {"email": "b@ngoma.example"}))
    assert (status, code, Customer.objects.count()) == (502, "provider_failed", 1)


@pytest.mark.parametrize(
    ("ids", "status", "code"),
    [
        ({"paystack": "CUS_1"}, 400, "unknown"),
        ({"stripe": "two words"}, 400, "invalid"),
        ({"stripe": "x" * 256}, 400, "invalid"),
    ],
)
def test_ids_that_cannot_be_are_refused(
    api: Api, acme: Organization, ids: dict, status: int, code: str
) -> None:
    make_provider(acme)
    answer = refused(api.post("/customers", {"email": "a@ngoma.example", "providerCustomerIds": ids}))
    assert answer == (status, code, f"providerCustomerIds.{next(iter(ids))}")
    assert not Customer.objects.exists()


def test_kinds_without_synchronisation_keep_an_id(api: Api, acme: Organization) -> None:
    make_provider(acme, "paystack")
    body = {"email": "a@ngoma.example", "providerCustomerIds": {"paystack": "CUS_1"}}
    status, made = api.post("/customers", body)
    assert (status, made["data"]["providerCustomerIds"]) == (201, {"paystack": "CUS_1"})
    path = f"/customers/{made['data']['id']}"
    assert (
        api.patch(path, {"providerCustomerIds": {"paystack": None}})[1]["data"]["providerCustomerIds"] == {}
    )
