"""Seed 001: customers at the provider, and ours as the source of truth."""

from __future__ import annotations

import pytest

from billing.models import Organization
from tests.factories.api import Api
from tests.factories.people import make_organization
from tests.factories.providers import make_provider, throwing
from tests.seeds.rows import row
from tests.services.stripe import FakeStripe

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"email": "ann@x.example", "name": "Ann"}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


@row("Q01")
def test_nothing_is_billed_without_a_customer(api: Api) -> None:
    item = {"description": "Work", "quantity": 1, "unitAmount": 5}
    for path, body in (
        ("/subscriptions", {"planId": "basic"}),
        ("/invoices", {"items": [item]}),
        ("/payments", {"amount": 5}),
    ):
        assert api.post(path, body)[0] == 400, path


@row("Q08", "Q15", "Q16", "Q17", "Q23")
def test_the_provider_follows_the_customer(api: Api, organization: Organization, stripe: FakeStripe) -> None:
    make_provider(organization)
    throwing(organization)
    made = api.post("/customers", BODY)[1]["data"]
    theirs = stripe.only()
    assert made["providerCustomerIds"] == {"stripe": theirs["id"]}
    assert theirs["email"] == "ann@x.example"
    assert api.get(f"/customers/external/{theirs['id']}")[1]["data"]["id"] == made["id"]
    changed = api.patch(f"/customers/{made['id']}", {"email": "new@x.example"})[1]["data"]
    assert (changed["id"], stripe.only()["email"]) == (made["id"], "new@x.example")
    other = stripe.add(name="Made there")
    moved = api.patch(f"/customers/{made['id']}", {"providerCustomerIds": {"stripe": other}})[1]["data"]
    assert (moved["id"], moved["providerCustomerIds"]) == (made["id"], {"stripe": other})
    assert stripe.customers[other]["name"] == "Ann"


@row("Q25")
def test_a_provider_that_is_down_decides_by_the_setting(
    api: Api, organization: Organization, stripe: FakeStripe
) -> None:
    make_provider(organization)
    stripe.next(503)
    status, body = api.post("/customers", BODY)
    assert (status, body["data"]["providerCustomerIds"]) == (201, {})
    throwing(organization)
    stripe.next(503)
    assert api.post("/customers", {"email": "bob@x.example", "name": "Bob"})[0] == 502
    assert api.get("/customers", search="bob")[1]["data"] == []
