"""POST /api/customers/merge: the ten values, both spellings, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import Organization
from customers.models import Customer, Merge
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.invoicing import make_plan, make_wallet, on, subscribe
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db
AT = on(2026, 1, 16)
KEYS = {
    "sourceCustomerId",
    "targetCustomerId",
    "subscriptionsCount",
    "invoicesCount",
    "paymentMethodsCount",
    "usageEventsCount",
    "promotionRedemptionsCount",
    "customerScopedPricesCount",
    "walletsMovedCount",
    "walletsMergedCount",
}


@pytest.fixture
def organization(db: None) -> Organization:
    return make_organization()


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


@pytest.fixture
def pair(organization: Organization) -> tuple[Customer, Customer]:
    source = make_customer(organization, name="Old", phone="+49301234567")
    subscribe(source, make_plan(organization), AT)
    make_wallet(source, "5", AT)
    return source, make_customer(organization, name="New")


def ids(pair: tuple[Customer, Customer], **more: Any) -> dict[str, Any]:
    return {"sourceCustomerId": pair[0].public_id, "targetCustomerId": pair[1].public_id} | more


def test_the_answer_and_what_the_target_has_then(api: Api, pair: tuple[Customer, Customer]) -> None:
    source, target = pair
    status, body = api.post("/customers/merge", ids(pair))
    assert status == 200 and set(body["data"]) == KEYS
    assert body["data"]["sourceCustomerId"] == source.public_id
    assert body["data"]["targetCustomerId"] == target.public_id
    assert body["data"]["subscriptionsCount"] == 1 and body["data"]["customerScopedPricesCount"] == 0
    subscriptions = api.get(f"/customers/{target.public_id}/subscriptions")[1]
    assert subscriptions["meta"]["total"] == 1
    assert api.get(f"/customers/{target.public_id}")[1]["data"]["name"] == "New"
    assert api.get(f"/customers/{source.public_id}")[0] == 404


def test_snake_case_strategies_and_single_fields(api: Api, pair: tuple[Customer, Customer]) -> None:
    source, target = pair
    body = {
        "source_customer_id": str(source.pk),
        "target_customer_id": target.public_id,
        "strategy": "FILL_MISSING",
        "fields": {"name": "source", "externalId": "target"},
    }
    assert api.post("/customers/merge", body)[0] == 200
    target.refresh_from_db()
    assert (target.name, target.phone) == ("Old", "+49301234567")
    assert Merge.objects.get().strategy == "fill_missing"


def test_itself_is_refused_by_field(api: Api, pair: tuple[Customer, Customer]) -> None:
    answer = api.post("/customers/merge", ids((pair[0], pair[0])))
    assert refused(answer) == (400, "same_customer", "targetCustomerId")


def test_unknown_strangers_and_nonsense(api: Api, pair: tuple[Customer, Customer]) -> None:
    stranger = make_customer(make_organization("Other"))
    for body in (
        ids((pair[0], stranger)),
        ids((stranger, pair[1])),
        {**ids(pair), "sourceCustomerId": "cust_" + "0" * 32},
        {**ids(pair), "targetCustomerId": "nonsense"},
    ):
        assert api.post("/customers/merge", body)[0] == 404
    assert refused(api.post("/customers/merge", {"sourceCustomerId": "x"}))[2] == "targetCustomerId"
    assert refused(api.post("/customers/merge", ids(pair, strategy="newest")))[2] == "strategy"
    assert refused(api.post("/customers/merge", ids(pair, fields={"shoeSize": "source"})))[2] == "shoeSize"
    assert refused(api.post("/customers/merge", ids(pair, force=True)))[2] == "force"
    assert not Merge.objects.exists()


def test_twice_and_what_is_gone_is_a_conflict(api: Api, pair: tuple[Customer, Customer]) -> None:
    assert api.post("/customers/merge", ids(pair))[0] == 200
    assert refused(api.post("/customers/merge", ids(pair)))[:2] == (409, "customer_merged")
    back = ids((pair[1], pair[0]))
    assert refused(api.post("/customers/merge", back)) == (409, "customer_merged", "targetCustomerId")
    assert Merge.objects.count() == 1


def test_a_locked_field_is_refused(
    api: Api, organization: Organization, pair: tuple[Customer, Customer]
) -> None:
    subscribe(pair[1], make_plan(organization), AT)
    answer = api.post("/customers/merge", ids(pair, fields={"externalId": "source"}))
    assert refused(answer) == (400, "customer_field_locked", "externalId")


def test_a_read_only_key_may_not_merge(organization: Organization, pair: tuple[Customer, Customer]) -> None:
    reader = Api(organization, scopes=["customers:read"])
    assert reader.post("/customers/merge", ids(pair))[0] == 403
