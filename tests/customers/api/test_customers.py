"""/api/customers: shapes, errors by field, upsert, filters."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.models import AuditEntry, Organization, Plan, Subscription, Tax
from customers.models import Customer
from tests.factories.customers import make_customer
from tests.factories.people import NOW, make_key, make_organization

pytestmark = pytest.mark.django_db
SEED = {
    "externalId": "usr_98765",
    "email": "sarah@kampaltech.ug",
    "name": "Nakato Sarah",
    "country": "UG",
    "currency": "UGX",
    "metadata": {"userId": "usr_98765", "accountType": "business"},
}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


class Api:
    """The test client with a key; answers (status, JSON)."""

    def __init__(self, organization: Organization) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {make_key(organization)}"})

    def get(self, path: str = "", **query: Any) -> tuple[int, Any]:
        answer = self.client.get(f"/api/customers{path}", query)
        return answer.status_code, answer.json()

    def send(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        call = getattr(self.client, method)
        answer = call(f"/api/customers{path}", body, content_type="application/json")
        return answer.status_code, answer.json()

    def post(self, body: Any) -> tuple[int, Any]:
        return self.send("post", "", body)

    def patch(self, customer: Any, body: Any) -> tuple[int, Any]:
        key = customer if isinstance(customer, str) else customer.public_id
        return self.send("patch", f"/{key}", body)


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def field_of(body: Any) -> str:
    """The field that an error names first."""
    return body["error"]["errors"][0]["field"]


def subscribe(customer: Customer) -> Subscription:
    """A running subscription, to lock what it locks."""
    organization = customer.organization
    plan = Plan.objects.create(
        organization=organization, name="Team", code="team", amount_minor=4900, currency=customer.currency
    )
    return Subscription.objects.create(
        organization=organization,
        customer=customer,
        plan=plan,
        currency=plan.currency,
        external_id="sub-1",
        status="active",
        subscription_at=NOW,
        started_at=NOW,
    )


def test_create_answers_the_fields_of_the_guide(api: Api) -> None:
    status, body = api.post(SEED)
    assert status == 201
    data = body["data"]
    assert {name: data[name] for name in SEED} == SEED
    assert data["id"].startswith("cust_") and len(data["id"]) == 37
    assert (data["status"], data["totalSpent"], data["activeSubscriptions"]) == ("active", 0, 0)
    assert data["createdAt"].endswith("Z") and data["updatedAt"].endswith("Z")
    assert data["address"]["country"] == "UG"


def test_email_is_enough(api: Api, organization: Organization) -> None:
    status, body = api.post({"email": "Only@Example.com"})
    assert status == 201
    data = body["data"]
    assert (data["email"], data["name"], data["currency"]) == ("only@example.com", None, "EUR")
    assert data["externalId"] == data["id"]
    assert Customer.objects.of(organization).get().billing_entity.is_default


def test_post_with_a_known_external_id_updates_that_customer(api: Api, organization: Organization) -> None:
    first = api.post(SEED)[1]["data"]
    status, body = api.post({"externalId": "usr_98765", "email": "new@kampaltech.ug", "city": "ignored"})
    assert (status, field_of(body)) == (400, "city")
    status, body = api.post(
        {"externalId": "usr_98765", "email": "new@kampaltech.ug", "phone": "+256 414 000001"}
    )
    assert status == 200
    assert (body["data"]["id"], body["data"]["name"]) == (first["id"], "Nakato Sarah")
    assert (body["data"]["email"], body["data"]["phone"]) == ("new@kampaltech.ug", "+256414000001")
    assert Customer.objects.of(organization).count() == 1


def test_duplicate_email_is_409_without_case(api: Api, organization: Organization) -> None:
    make_customer(organization, email="sarah@kampaltech.ug")
    status, body = api.post(SEED | {"email": "SARAH@KampalTech.ug"})
    assert (status, field_of(body), body["error"]["code"]) == (409, "email", "duplicate_email")
    assert "sarah@kampaltech.ug" in body["message"]
    assert Customer.objects.of(organization).count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"currency": "ZZZ"}, "currency"),
        ({"country": "Uganda"}, "country"),
        ({"metadata": "gold"}, "metadata"),
        ({"metadata": {f"k{n}": n for n in range(51)}}, "metadata"),
        ({"colour": "red"}, "colour"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"email": None}, "email"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"name": "a\u202eb"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"netPaymentTermDays": 366}, "netPaymentTermDays"),
        ({"netPaymentTermDays": 1.5}, "netPaymentTermDays"),
        ({"status": "sleeping"}, "status"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"preferredProvider": "barter"}, "preferredProvider"),
        ({"taxCodes": ["none"]}, "taxCodes"),
        ({"billingEntityId": "elsewhere"}, "billingEntityId"),
        ({"address": {"country": "Uganda"}, "country": None}, None),
    ],
)
def test_bad_values_are_refused_by_field(
    api: Api, organization: Organization, change: dict[str, Any], field: str | None
) -> None:
    status, body = api.post(SEED | change)
    if field is None:
        assert status == 201 and body["data"]["country"] is None
        return
    assert (status, field_of(body)) == (400, field)
    assert body["error"]["message"] == body["message"]
    assert not Customer.objects.of(organization).exists()


def test_every_bad_field_is_named_at_once(api: Api) -> None:
    body = api.post(SEED | {"currency": "ZZZ", "country": "Uganda"})[1]
    assert {item["field"] for item in body["error"]["errors"]} == {"currency", "country"}


def test_body_that_is_not_an_object(api: Api) -> None:
    assert api.post("[1, 2]")[0] == 400
    assert api.post("{")[0] == 400


def test_patch_changes_only_what_is_given(api: Api, organization: Organization) -> None:
    tax = Tax.objects.create(organization=organization, name="VAT", code="vat", rate=19)
    created = api.post(SEED | {"legalName": "Kampal Ltd", "taxCodes": ["vat"], "netPaymentTermDays": 14})[1]
    status, body = api.patch(
        created["data"]["id"], {"name": "Nakato Sarah Williams", "metadata": {"a": [1.5, None]}}
    )
    assert status == 200
    expected = created["data"] | {"name": "Nakato Sarah Williams", "metadata": {"a": [1.5, None]}}
    changed = {"updatedAt", "displayName"}
    assert {k: v for k, v in body["data"].items() if k not in changed} == {
        k: v for k, v in expected.items() if k not in changed
    }
    assert list(Customer.objects.of(organization).get().taxes.all()) == [tax]


def test_patch_address_by_parts_and_whole(api: Api, organization: Organization) -> None:
    customer = make_customer(organization, address_line1="Street 1", city="Kampala", shipping_city="Jinja")
    data = api.patch(customer, {"address": {"postalCode": "256"}, "shippingAddress": None})[1]["data"]
    assert (data["address"]["line1"], data["address"]["postalCode"]) == ("Street 1", "256")
    assert set(data["shippingAddress"].values()) == {None}


def test_locked_fields(api: Api, organization: Organization) -> None:
    customer = make_customer(organization, external_id="acme")
    assert api.patch(customer, {"externalId": "acme-2", "currency": "USD"})[0] == 200
    customer.refresh_from_db()
    subscribe(customer)
    status, body = api.patch(customer, {"currency": "EUR"})
    assert (status, body["error"]["code"], field_of(body)) == (400, "customer_field_locked", "currency")
    status, body = api.patch(customer, {"externalId": "acme-3"})
    assert (status, field_of(body)) == (400, "externalId")
    assert api.patch(customer, {"externalId": "acme-2", "currency": "usd", "name": "Same"})[0] == 200


def test_words_of_other_systems(api: Api) -> None:
    body = api.post(
        {"email": "a@b.co", "type": "COMPANY", "preferredCurrency": "usd", "paymentTermsDays": 7}
    )[1]
    data = body["data"]
    assert (data["customerType"], data["currency"], data["netPaymentTermDays"]) == ("business", "USD", 7)


def test_every_spelling_of_an_id(api: Api, organization: Organization) -> None:
    customer = make_customer(organization)
    for key in (customer.public_id, f"cus_{customer.pk.hex}", str(customer.pk), customer.pk.hex):
        assert api.get(f"/{key}")[1]["data"]["id"] == customer.public_id
    assert api.get(f"/sub_{customer.pk.hex}")[0] == 404
    assert api.get("/nonsense")[0] == 404


def test_by_external_id(api: Api, organization: Organization) -> None:
    customer = make_customer(organization, external_id="crm/17 ü")
    assert api.get("/external/crm/17%20%C3%BC")[1]["data"]["id"] == customer.public_id
    assert api.get("/external/other")[0] == 404


def test_strangers_customers_do_not_exist(api: Api) -> None:
    stranger = make_customer(make_organization("Other"), external_id="theirs")
    for path in (f"/{stranger.public_id}", "/external/theirs", f"/{stranger.public_id}/subscriptions"):
        assert api.get(path)[0] == 404
    assert api.patch(stranger, {"name": "Mine"})[0] == 404
    assert api.get(search="Customer")[1]["meta"]["total"] == 0
    stranger.refresh_from_db()
    assert stranger.name != "Mine"


def test_no_key_is_401(client: Client) -> None:
    assert client.get("/api/customers").status_code == 401


def test_list_filters_sorts_and_pages(api: Api, organization: Organization) -> None:
    make_customer(organization, name="Ärzte Nord", email="nord@a.de", country="DE", status="inactive")
    make_customer(organization, name="Boulangerie", email="pain@b.fr", country="FR", external_id="fr-1")
    make_customer(organization, name="Zoo", email="zoo@z.us", country="US", currency="USD")
    gone = make_customer(organization, name="Gone", email="gone@z.us")
    Customer.objects.filter(pk=gone.pk).update(deleted_at=NOW)

    def names(**query: Any) -> list[str]:
        status, body = api.get(**query)
        assert status == 200, body
        return [row["name"] for row in body["data"]]

    assert names() == ["Zoo", "Boulangerie", "Ärzte Nord"]
    assert names(sortBy="name", sortOrder="ASC") == ["Boulangerie", "Zoo", "Ärzte Nord"]
    assert names(sort_by="created_at", sort_order="asc") == ["Ärzte Nord", "Boulangerie", "Zoo"]
    assert names(search="arzte") == ["Ärzte Nord"]
    assert names(search="fr-1") == ["Boulangerie"]
    assert names(email="PAIN@b.fr") == ["Boulangerie"]
    assert names(status="INACTIVE") == ["Ärzte Nord"]
    assert names(country="us", currency="usd") == ["Zoo"]
    assert names(include_deleted="true", search="gone") == ["Gone"]
    assert names(includeDeleted="true", search="gone") == ["Gone"]
    assert names(search="100%_") == []
    body = api.get(page=2, limit=2)[1]
    assert body["meta"] == {"total": 3, "page": 2, "limit": 2, "totalPages": 2, "nextCursor": None}
    assert [row["name"] for row in body["data"]] == ["Ärzte Nord"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 101}, "limit"),
        ({"limit": 0}, "limit"),
        ({"page": 0}, "page"),
        ({"page": "x"}, "page"),
        ({"sortBy": "password"}, "sortBy"),
        ({"sortOrder": "up"}, "sortOrder"),
        ({"status": "asleep"}, "status"),
    ],
)
def test_bad_queries_are_refused_by_field(api: Api, query: dict[str, Any], field: str) -> None:
    status, body = api.get(**query)
    assert (status, field_of(body)) == (400, field)


def test_active_subscriptions_and_sub_list(api: Api, organization: Organization) -> None:
    customer = make_customer(organization)
    subscription = subscribe(customer)
    assert api.get(f"/{customer.public_id}")[1]["data"]["activeSubscriptions"] == 1
    body = api.get(f"/{customer.public_id}/subscriptions")[1]
    assert [row["id"] for row in body["data"]] == [subscription.public_id]
    assert api.get(f"/{customer.public_id}/invoices")[1]["data"] == []


def test_list_needs_few_queries(
    api: Api, organization: Organization, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        make_customer(organization)
    api.get()
    with django_assert_max_num_queries(6):  # key, count, ids, rows, taxes, links
        api.get()


def test_acts_are_audited_with_the_key(api: Api, organization: Organization) -> None:
    created = api.post(SEED)[1]["data"]
    api.patch(created["id"], {"name": "Sarah"})
    entry = AuditEntry.objects.of(organization).get(action="customer.updated")
    assert entry.changes == {"name": ["Nakato Sarah", "Sarah"]}
    assert (entry.actor_kind, entry.subject_label) == ("key", "Sarah")
