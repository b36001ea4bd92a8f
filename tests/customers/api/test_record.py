"""The whole record of a customer on the API: every field, tags, own fields, type, mode, cursors, look-ups, events."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.actions.webhooks import on
from billing.models import EmittedEvent, Organization
from customers.actions.custom_fields import create_custom_field
from customers.models import Customer, Tag
from invoicing.models import LinkState, PaymentProvider, ProviderLink
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db
EVERYTHING = {
    "externalId": "acme",
    "email": "ap@acme.example",
    "name": "Acme",
    "customerType": "business",
    "billingModel": "hybrid",
    "mode": "postpaid",
    "locale": "de",
    "country": "DE",
    "phone": "030 901820",
    "currency": "EUR",
    "paymentTermsDays": 21,
    "einvoiceEmail": "xr@acme.example",
    "peppolId": "0088:7300010000001",
    "preferEinvoice": True,
    "preferredProvider": "stripe",
    "disabledProviders": ["mpesa"],
    "taxId": "DE136695976",
    "taxIdentifiers": {"us_ein": "91-1144442"},
    "vatValidationDisabled": True,
    "vatValidationDisabledReason": "Charity",
    "defaultAutoTopupEnabled": True,
    "defaultAutoTopupAmount": 50.5,
    "defaultLowBalanceThreshold": 10,
    "defaultMaxBalance": 500,
    "defaultMaxSingleCredit": 100,
    "defaultCreditLimit": 250,
    "zeroAmountInvoices": False,
    "emailInvoices": True,
    "usageAnnex": False,
    "tags": ["VIP", "Beta"],
    "metadata": {"userId": "u1"},
}
LISTED = [
    "billingModel",
    "createdAt",
    "customerType",
    "defaultAutoTopupAmount",
    "defaultAutoTopupEnabled",
    "defaultCreditLimit",
    "defaultLowBalanceThreshold",
    "defaultMaxBalance",
    "defaultMaxSingleCredit",
    "deletedAt",
    "disabledProviders",
    "einvoiceEmail",
    "email",
    "externalId",
    "id",
    "locale",
    "mode",
    "name",
    "organizationId",
    "paymentTermsDays",
    "peppolId",
    "preferEinvoice",
    "preferredCurrency",
    "preferredProvider",
    "status",
    "updatedAt",
    "vatValidationDisabled",
    "vatValidationDisabledReason",
    "vatValidationStatus",
]


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def test_every_field_comes_back(api: Api) -> None:
    status, body = api.post("/customers", EVERYTHING)
    assert status == 201, body
    data = body["data"]
    assert set(LISTED) <= set(data)
    changed = {
        "phone": "+4930901820",
        "taxIdentifiers": {"us_ein": "911144442"},
        "tags": ["Beta", "VIP"],
        "defaultAutoTopupAmount": Decimal("50.50"),
    }
    assert {name: data[name] for name in EVERYTHING} == EVERYTHING | changed
    assert (data["preferredCurrency"], data["netPaymentTermDays"]) == ("EUR", 21)
    assert data["vatValidationStatus"] == "unvalidated" and data["organizationId"].startswith("org_")
    assert (data["mergedInto"], data["providerCustomerIds"], data["deletedAt"]) == (None, {}, None)


def test_snake_case_is_understood(api: Api) -> None:
    status, body = api.post("/customers", {snake(name): value for name, value in EVERYTHING.items()})
    assert status == 201, body
    assert body["data"]["defaultCreditLimit"] == 250 and body["data"]["peppolId"] == "0088:7300010000001"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"billingModel": "barter"}, "billingModel"),
        ({"mode": "hybrid"}, "mode"),
        ({"phone": "12"}, "phone"),
        ({"peppolId": "7300010000001"}, "peppolId"),
        ({"taxIdentifiers": {"gb_vat": "GB1"}}, "taxIdentifiers"),
        ({"disabledProviders": ["barter"]}, "disabledProviders"),
        ({"disabledProviders": ["stripe"]}, "preferredProvider"),
        ({"vatValidationDisabledReason": ""}, "vatValidationDisabledReason"),
        ({"defaultAutoTopupAmount": None}, "defaultAutoTopupAmount"),
        ({"defaultAutoTopupAmount": 50.555}, "defaultAutoTopupAmount"),
        ({"defaultLowBalanceThreshold": None}, "defaultLowBalanceThreshold"),
        ({"defaultMaxSingleCredit": 10}, "defaultAutoTopupAmount"),
        ({"defaultCreditLimit": -1}, "defaultCreditLimit"),
        ({"einvoiceEmail": "nobody"}, "einvoiceEmail"),
        ({"preferEinvoice": "yes"}, "preferEinvoice"),
        ({"tags": ["a,b"]}, "tags"),
        ({"customFields": {"colour": "red"}}, "customFields"),
        ({"paymentTermsDays": 366}, "netPaymentTermDays"),
    ],
)
def test_refused_by_field_and_nothing_is_made(api: Api, change: dict[str, Any], field: str) -> None:
    assert refused(api.post("/customers", EVERYTHING | change))[::2] == (400, field)
    assert not Customer.objects.exists() and not Tag.objects.exists()


def test_amounts_follow_the_currency(api: Api) -> None:
    body = api.post("/customers", {"email": "a@b.co", "currency": "EUR", "defaultMaxBalance": 12.5})[1][
        "data"
    ]
    assert Customer.objects.get().default_max_balance_minor == 1250
    changed = api.patch(f"/customers/{body['id']}", {"currency": "JPY"})[1]["data"]
    assert (changed["currency"], changed["defaultMaxBalance"]) == ("JPY", 13)
    assert (
        refused(api.patch(f"/customers/{body['id']}", {"defaultMaxBalance": 1.5}))[2] == "defaultMaxBalance"
    )


def test_patch_by_key_and_whole(api: Api, organization: Organization) -> None:
    create_custom_field(organization, {"name": "Tier", "code": "tier"}, by=ACTOR, at=NOW)
    create_custom_field(organization, {"name": "Seats", "code": "seats", "kind": "number"}, by=ACTOR, at=NOW)
    new = EVERYTHING | {"customFields": {"tier": "gold", "seats": 3}}
    path = f"/customers/{api.post('/customers', new)[1]['data']['id']}"
    data = api.patch(path, {"customFields": {"tier": None}, "taxIdentifiers": {"other": "x"}})[1]["data"]
    assert data["customFields"] == {"seats": 3}
    assert data["taxIdentifiers"] == {"us_ein": "911144442", "other": "x"}
    data = api.patch(path, {"tags": ["Beta"], "metadata": {"b": 1}, "vatValidationDisabled": False})[1][
        "data"
    ]
    assert (data["tags"], data["metadata"]) == (["Beta"], {"b": 1})
    assert data["vatValidationDisabledReason"] is None
    body = {"customFields": {"seats": "many"}}
    assert "seats" in api.patch(path, body)[1]["message"]


def test_mode_is_refused_in_patch_and_upsert_and_has_its_own_door(api: Api) -> None:
    data = api.post("/customers", {"email": "a@b.co", "externalId": "x"})[1]["data"]
    path = f"/customers/{data['id']}"
    assert refused(api.patch(path, {"mode": "POSTPAID"}))[::2] == (400, "mode")
    assert (
        refused(api.post("/customers", {"email": "a@b.co", "externalId": "x", "mode": "postpaid"}))[2]
        == "mode"
    )
    assert refused(api.post(f"{path}/mode", {"mode": "POSTPAID"})) == (400, "reason_required", "reason")
    status, body = api.post(f"{path}/mode", {"mode": "POSTPAID", "reason": "Trusted"})
    assert (status, body["data"]["mode"]) == (200, "postpaid")
    assert api.post(f"{path}/mode", {"mode": "postpaid"})[0] == 200, "the same again needs nothing"
    assert EmittedEvent.objects.filter(name="customer.mode_changed").count() == 1
    assert refused(api.post(f"{path}/mode", {"mode": "barter", "reason": "x"}))[::2] == (400, "mode")


def test_type_needs_a_reason_through_every_door(api: Api) -> None:
    data = api.post("/customers", {"email": "a@b.co", "externalId": "x", "country": "DE"})[1]["data"]
    path = f"/customers/{data['id']}"
    assert refused(api.post(f"{path}/type", {"customerType": "BUSINESS"})) == (
        400,
        "reason_required",
        "reason",
    )
    assert refused(api.patch(path, {"customerType": "business"}))[2] == "reason"
    assert (
        refused(api.post("/customers", {"email": "a@b.co", "externalId": "x", "type": "company"}))[2]
        == "reason"
    )
    status, body = api.post(f"{path}/type", {"customer_type": "BUSINESS", "reason": "Register"})
    assert (status, body["data"]["customerType"]) == (200, "business")
    event = EmittedEvent.objects.get(name="customer.type_changed")
    assert (event.data["from"], event.data["to"], event.data["reason"]) == ("unknown", "business", "Register")
    assert event.data["correctiveInvoiceCandidates"] == []
    assert api.post(f"{path}/type", {"customerType": "business"})[0] == 200
    status, body = api.patch(path, {"customerType": "consumer", "reason": "Private", "name": "Ann"})
    assert (status, body["data"]["customerType"], body["data"]["name"]) == (200, "consumer", "Ann")
    assert EmittedEvent.objects.filter(name="customer.type_changed").count() == 2


@pytest.mark.parametrize("method", ["post", "patch"])
def test_payment_providers_and_nothing_else(api: Api, organization: Organization, method: str) -> None:
    customer = make_customer(organization)
    path = f"/customers/{customer.public_id}/payment-providers"
    send = getattr(api, method)
    data = send(path, {"preferredProvider": "STRIPE", "disabledProviders": ["mpesa"]})[1]["data"]
    assert (data["preferredProvider"], data["disabledProviders"]) == ("stripe", ["mpesa"])
    assert send(path, {"disabledProviders": []})[1]["data"]["preferredProvider"] == "stripe"
    assert refused(send(path, {"name": "No"}))[::2] == (400, "name")
    assert refused(send(path, {"disabledProviders": ["stripe"]}))[2] == "preferredProvider"


def test_walking_by_cursor_while_customers_come(api: Api, organization: Organization) -> None:
    first = [make_customer(organization).public_id for _ in range(5)]
    seen: list[str] = []
    body = api.get("/customers", limit=2)[1]
    assert body["meta"]["nextCursor"]
    while True:
        seen += [row["id"] for row in body["data"]]
        make_customer(organization)  # newer than everything: it must shift nothing
        cursor = body["meta"]["nextCursor"]
        if cursor is None:
            break
        body = api.get("/customers", limit=2, cursor=cursor)[1]
    assert seen == first[::-1]
    assert api.get("/customers", limit=2, sortOrder="asc")[1]["data"][0]["id"] == first[0]
    assert api.get("/customers", sortBy="name", limit=2)[1]["meta"]["nextCursor"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "AAAA", "sortBy": "name"}, "cursor"),
        ({"offset": -1}, "offset"),
    ],
)
def test_bad_paging(api: Api, query: dict[str, Any], field: str) -> None:
    assert refused(api.get("/customers", **query))[::2] == (400, field)


def test_offset(api: Api, organization: Organization) -> None:
    ids = [make_customer(organization).public_id for _ in range(5)][::-1]
    body = api.get("/customers", limit=2, offset=3)[1]
    assert [row["id"] for row in body["data"]] == ids[3:]
    assert (body["meta"]["total"], body["meta"]["offset"], body["meta"]["page"]) == (5, 3, 2)


def test_filters_by_tags_metadata_and_deleted(api: Api, organization: Organization) -> None:
    both = make_customer(organization, tags=["VIP", "Beta"], metadata={"userId": "u1", "seats": 5})
    one = make_customer(organization, tags=["Beta"], metadata={"userId": "u2"})

    def ids(**query: Any) -> list[str]:
        return [row["id"] for row in api.get("/customers", **query)[1]["data"]]

    assert ids(tags="vip,BETA") == [both.public_id]
    assert ids(tags="beta") == [one.public_id, both.public_id]
    assert ids(tags="vip,nobody") == []
    assert ids(**{"metadata[userId]": "u1"}) == [both.public_id] == ids(**{"metadata[seats]": "5"})
    assert ids(**{"metadata[userId]": "u1", "metadata[seats]": "6"}) == []
    assert ids(**{"metadata[seats]": "1e999"}) == [] == ids(**{"metadata[seats]": "9" * 400})
    assert ids(search="vip") == [both.public_id]
    Customer.objects.filter(pk=one.pk).update(deleted_at=NOW)
    assert ids() == [both.public_id]
    rows = api.get("/customers", include_deleted="true")[1]["data"]
    assert [bool(row["deletedAt"]) for row in rows] == [True, False]


def link(customer: Customer, external_id: str) -> None:
    provider = PaymentProvider.objects.create(
        organization=customer.organization, type="stripe", name="Stripe", credentials=b""
    )
    ProviderLink.objects.create(
        organization=customer.organization,
        provider=provider,
        customer=customer,
        external_id=external_id,
        state=LinkState.SYNCED,
    )


def test_the_providers_id_is_looked_up_first(api: Api, organization: Organization) -> None:
    linked = make_customer(organization)
    make_customer(organization, external_id="cus_xyz")
    assert api.get("/customers/external/cus_xyz")[1]["data"]["externalId"] == "cus_xyz"
    link(linked, "cus_xyz")
    data = api.get("/customers/external/cus_xyz")[1]["data"]
    assert (data["id"], data["providerCustomerIds"]) == (linked.public_id, {"stripe": "cus_xyz"})
    link(make_customer(make_organization("Other")), "cus_theirs")
    assert api.get("/customers/external/cus_theirs")[0] == 404


def test_a_merged_customer_points_to_its_target(api: Api, organization: Organization) -> None:
    source, target = make_customer(organization), make_customer(organization)
    Customer.objects.filter(pk=source.pk).update(deleted_at=NOW, merged_into=target)
    for path in (source.public_id, f"external/{source.external_id}"):
        status, body = api.get(f"/customers/{path}")
        assert (status, body["error"]["code"]) == (404, "customer_merged")
        assert body["error"]["targetCustomerId"] == target.public_id
    assert api.patch(f"/customers/{source.public_id}", {"name": "x"})[0] == 404
    assert (
        Api(make_organization("Other")).get(f"/customers/{source.public_id}")[1]["error"]["code"]
        == "not_found"
    )


@pytest.mark.django_db(transaction=True)
def test_events_carry_the_customer(organization: Organization) -> None:
    heard: list[tuple[str, str]] = []
    stops = [
        on(name, lambda event: heard.append((event.name, event.data["email"])))
        for name in ("customer.created", "customer.updated")
    ]
    try:
        api = Api(organization)
        data = api.post("/customers", {"email": "a@b.co"})[1]["data"]
        api.patch(f"/customers/{data['id']}", {"name": "Ann"})
        api.patch(f"/customers/{data['id']}", {"name": "Ann"})
        api.patch(f"/customers/{data['id']}", {"country": "Uganda"})
    finally:
        for stop in stops:
            stop()
    assert heard == [("customer.created", "a@b.co"), ("customer.updated", "a@b.co")]


def test_tags_and_own_fields_as_resources(api: Api, organization: Organization) -> None:
    status, body = api.post("/tags", {"name": "VIP", "color": "amber"})
    assert (status, body["data"]["customersCount"]) == (201, 0)
    assert refused(api.post("/tags", {"name": "vip"}))[:2] == (409, "duplicate_tag")
    assert refused(api.post("/tags", {"name": "Red", "color": "mauve"}))[::2] == (400, "color")
    path = f"/tags/{body['data']['id']}"
    make_customer(organization, tags=["vip"])
    assert api.patch(path, {"name": "Top"})[1]["data"]["customersCount"] == 1
    assert [row["name"] for row in api.get("/tags")[1]["data"]] == ["Top"]
    assert api.delete(path)[1]["data"] == {"id": body["data"]["id"], "deleted": True, "customersCount": 1}
    assert api.get(path)[0] == 404
    status, body = api.post(
        "/custom-fields", {"name": "Tier", "code": "tier", "kind": "choice", "choices": ["a"]}
    )
    assert (status, body["data"]["choices"]) == (201, ["a"])
    path = f"/custom-fields/{body['data']['id']}"
    assert refused(api.post("/custom-fields", {"name": "T", "code": "tier"}))[:2] == (409, "duplicate_code")
    make_customer(organization, custom_fields={"tier": "a"})
    assert refused(api.patch(path, {"kind": "text"}))[:2] == (409, "custom_field_in_use")
    assert api.patch(path, {"onInvoice": True})[1]["data"]["onInvoice"] is True
    assert api.delete(path)[1]["data"]["customersCount"] == 1
    assert api.get("/custom-fields")[1]["data"] == []
