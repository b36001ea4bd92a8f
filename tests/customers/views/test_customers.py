"""The customers pages: page and partial, who may, what is refused, and how many queries."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import AuditEntry, BillingEntity, Member, Organization, Tax
from billing.web.htmx import event_names
from customers.actions.customers import update_customer
from customers.models import Customer
from tests.customers.actions.test_customers import give_subscription
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
NO_METADATA = {"metadata-TOTAL_FORMS": "0", "metadata-INITIAL_FORMS": "0"}
FILLED = NO_METADATA | {
    "name": "Bäckerei Öztürk",
    "external_id": "crm-1",
    "customer_type": "business",
    "currency": "EUR",
    "email": "Hallo@Example.com",
    "address_line1": "Hauptstr. 1",
    "city": "Berlin",
    "country": "DE",
    "shipping_same": "on",
    "shipping_city": "ignored",
}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def member(organization: Organization) -> Member:
    return make_member(organization)


@pytest.fixture
def staff(client: Client, member: Member) -> Iterator[Client]:
    yield sign_in(client, member)


def htmx(target: str) -> dict[str, str]:
    """The headers of an htmx request for a piece of the page."""
    return {"HX-Request": "true", "HX-Target": target, "HX-Current-URL": "http://testserver/customers?q=x"}


def text(answer: Any) -> str:
    return str(answer.content.decode())


def names(answer: Any) -> list[str]:
    """The customers on a list page, in order."""
    return [row["customer"].name for row in answer.context["rows"]]


def test_list_page_and_partial(staff: Client, organization: Organization) -> None:
    make_customer(organization, name="Kampala Tech")
    page = text(staff.get("/customers"))
    assert "<title>" in page and "Kampala Tech" in page and "Add a customer" in page
    partial = text(staff.get("/customers", headers=htmx("customer-table")))
    assert "Kampala Tech" in partial and "<title>" not in partial
    assert partial.strip().startswith('<div id="customer-table"')


def test_list_says_when_there_is_nothing(staff: Client, organization: Organization) -> None:
    assert "No customers yet" in text(staff.get("/customers"))
    make_customer(organization)
    assert "No customer found" in text(staff.get("/customers?q=zzzz"))


def test_search_filters_and_chips(staff: Client, organization: Organization) -> None:
    make_customer(organization, name="Ärzte", country="DE", email="nord@a.de")
    sold = make_customer(organization, name="Zoo", country="US", currency="USD", status="inactive")
    give_subscription(make_customer(organization, name="Ended"))
    sold.subscriptions.model.objects.update(customer=sold, status="active", terminated_at=None)
    assert names(staff.get("/customers?q=arzt")) == ["Ärzte"]
    assert names(staff.get("/customers?q=nord@")) == ["Ärzte"]
    assert names(staff.get("/customers?status=inactive")) == ["Zoo"]
    assert names(staff.get("/customers?currency=USD")) == ["Zoo"]
    assert names(staff.get("/customers?country=DE")) == ["Ärzte"]
    assert names(staff.get("/customers?subscriptions=yes")) == ["Zoo"]
    assert names(staff.get("/customers?subscriptions=no&sort=name")) == ["Ended", "Ärzte"]
    assert len(names(staff.get("/customers?status=nonsense&currency=ZZZ"))) == 3
    answer = staff.get("/customers?country=DE&q=arzt&page=1")
    assert [(chip["label"], chip["value"]) for chip in answer.context["chips"]] == [
        ("Search", "arzt"),
        ("Country", "Germany"),
    ]
    assert answer.context["chips"][1]["remove_url"] == "?q=arzt"


def test_filter_by_billing_entity(staff: Client, organization: Organization) -> None:
    other = BillingEntity.objects.create(organization=organization, code="us", name="US", number_prefix="US")
    make_customer(organization, name="Here")
    make_customer(organization, name="There", billing_entity=other)
    assert names(staff.get(f"/customers?entity={other.public_id}")) == ["There"]


def test_live_search_tidies_the_address(staff: Client, organization: Organization) -> None:
    answer = staff.get("/customers?q=x&status=&currency=", headers=htmx("customer-table"))
    assert answer["HX-Push-Url"] == "/customers?q=x"


def test_sort_and_pages(staff: Client, organization: Organization) -> None:
    for number in range(23):
        make_customer(organization, name=f"N{number:02}")
    assert names(staff.get("/customers"))[0] == "N22"
    assert names(staff.get("/customers?sort=name&page=2")) == ["N20", "N21", "N22"]
    assert names(staff.get("/customers?sort=-name"))[0] == "N22"
    assert names(staff.get("/customers?sort=name&page=99")) == ["N20", "N21", "N22"]
    assert "21–23 of 23 customers" in text(staff.get("/customers?page=2"))


def test_deleted_and_strange_customers_are_not_listed(staff: Client, organization: Organization) -> None:
    gone = make_customer(organization, name="Gone")
    Customer.objects.filter(pk=gone.pk).update(deleted_at=NOW)
    make_customer(make_organization("Other"), name="Theirs")
    assert names(staff.get("/customers")) == []


def test_names_are_escaped_everywhere(staff: Client, organization: Organization) -> None:
    bad = '<script>alert("x")</script>'
    customer = make_customer(organization, name=bad, external_id=f"{bad}1", metadata={bad: bad}, city=bad)
    update_customer(customer, {"legal_name": bad}, by=ACTOR, at=NOW)
    for path in ("", f"/{customer.public_id}", *(f"/{customer.public_id}/{tab}" for tab in TABS)):
        assert bad not in text(staff.get(f"/customers{path}")), path


TABS = ("information", "activity", "edit")


@pytest.mark.parametrize("tab", ["", *(f"/{tab}" for tab in TABS)])
def test_strangers_and_deleted_customers_are_404(staff: Client, organization: Organization, tab: str) -> None:
    theirs = make_customer(make_organization("Other"))
    gone = make_customer(organization)
    Customer.objects.filter(pk=gone.pk).update(deleted_at=NOW)
    for customer in (theirs, gone):
        assert staff.get(f"/customers/{customer.public_id}{tab}").status_code == 404


def test_not_signed_in_goes_to_the_login(client: Client) -> None:
    answer = client.get("/customers")
    assert (answer.status_code, answer["Location"]) == (302, "/login?next=/customers")


@pytest.mark.parametrize("role", ["support", "finance"])
def test_who_may_not_edit(client: Client, organization: Organization, role: str) -> None:
    customer = make_customer(organization, name="Old")
    sign_in(client, make_member(organization, role))
    assert "Add a customer" not in text(client.get("/customers"))
    page = text(client.get(f"/customers/{customer.public_id}"))
    assert "Edit customer" not in page and "Delete customer" not in page
    for path in ("/customers/add", f"/customers/{customer.public_id}/edit"):
        assert client.get(path).status_code == 403
        assert client.post(path, FILLED).status_code == 403
    customer.refresh_from_db()
    assert (customer.name, Customer.objects.count()) == ("Old", 1)


def test_add_by_drawer(staff: Client, organization: Organization) -> None:
    drawer = text(staff.get("/customers/add", headers=htmx("drawer")))
    assert "Create customer" in drawer and "<title>" not in drawer
    answer = staff.post("/customers/add", FILLED, headers=htmx("drawer"))
    row = Customer.objects.get()
    assert answer["HX-Redirect"] == reverse("customer", args=[row])
    assert (row.name, row.email, row.city, row.shipping_city) == (
        "Bäckerei Öztürk",
        "hallo@example.com",
        "Berlin",
        "",
    )
    assert row.billing_entity.is_default
    assert AuditEntry.objects.get(action="customer.created").actor_kind == "user"


def test_add_by_page_without_javascript(staff: Client, organization: Organization) -> None:
    assert "Create customer" in text(staff.get("/customers/add"))
    answer = staff.post("/customers/add", FILLED, follow=True)
    assert answer.status_code == 200 and "Customer created" in text(answer)


def test_bad_input_comes_back_at_its_field(staff: Client, organization: Organization) -> None:
    make_customer(organization, external_id="crm-1", email="hallo@example.com")
    answer = staff.post("/customers/add", FILLED, headers=htmx("drawer"))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["external_id"]
    assert 'value="Bäckerei Öztürk"' in text(answer)
    bad = {"name": "", "email": "nope", "url": "ftp://x", "country": "Uganda", "net_payment_term_days": "400"}
    answer = staff.post("/customers/add", FILLED | bad | {"external_id": "crm-2", "timezone": "Mars"})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {*bad, "timezone"}
    assert 'value="ftp://x"' in text(answer) and "Enter a name." in text(answer)
    assert Customer.objects.count() == 1


def test_metadata_rows(staff: Client, organization: Organization) -> None:
    rows = {
        "metadata-TOTAL_FORMS": "3",
        "metadata-INITIAL_FORMS": "0",
        "metadata-0-key": "tier",
        "metadata-0-value": "gold",
        "metadata-1-key": "",
        "metadata-1-value": "",
        "metadata-2-key": "",
        "metadata-2-value": "alone",
    }
    answer = staff.post("/customers/add", FILLED | rows)
    assert answer.status_code == 422 and "Give the value a key." in text(answer)
    rows |= {"metadata-2-key": "tier"}
    assert "The key tier stands there twice." in text(staff.post("/customers/add", FILLED | rows))
    rows |= {"metadata-2-key": "plan"}
    staff.post("/customers/add", FILLED | rows)
    assert Customer.objects.get().metadata == {"tier": "gold", "plan": "alone"}


def edit_data(answer: Any) -> dict[str, Any]:
    """What a browser would send for the form as it is shown."""
    form, metadata = answer.context["form"], answer.context["metadata"]
    data: dict[str, Any] = {"version": form.version}
    for bound in [*form, *metadata.management_form, *(field for row in metadata for field in row)]:
        value = bound.value()
        if bound.field.disabled or value is None or value is False:
            continue
        data[bound.html_name] = (
            [str(getattr(item, "pk", item)) for item in value] if isinstance(value, list) else str(value)
        )
    return data


def test_saving_the_form_as_it_is_changes_nothing(staff: Client, organization: Organization) -> None:
    tax = Tax.objects.create(organization=organization, name="VAT", code="vat", rate=Decimal(19))
    customer = make_customer(
        organization, metadata={"seats": 12, "deep": {"a": [1]}}, taxes=[tax], url="a.co", city="Bonn"
    )
    before = Customer.objects.values().get()
    path = f"/customers/{customer.public_id}/edit"
    answer = staff.post(path, edit_data(staff.get(path)))
    assert answer.status_code == 302, (
        answer.context["form"].errors,
        answer.context["metadata"].errors,
        answer.context["metadata"].non_form_errors(),
    )
    assert Customer.objects.values().get() == before
    assert not AuditEntry.objects.filter(action="customer.updated").exists()


def test_edit_changes_what_was_changed(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization, name="Old", metadata={"seats": 12, "gone": "x"})
    path = f"/customers/{customer.public_id}/edit"
    data = edit_data(staff.get(path)) | {"name": "New", "metadata-0-DELETE": "on", "status": "inactive"}
    answer = staff.post(path, data, headers=htmx("drawer"))
    assert answer["HX-Redirect"] == "/customers?q=x", "back to the page that opened the drawer"
    customer.refresh_from_db()
    assert (customer.name, customer.status, customer.metadata) == ("New", "inactive", {"seats": 12})
    assert set(AuditEntry.objects.get(action="customer.updated").changes) == {"name", "status", "metadata"}


def test_a_stale_form_does_not_undo_anothers_change(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization, name="Old", phone="+256414000001")
    path = f"/customers/{customer.public_id}/edit"
    stale = edit_data(staff.get(path)) | {"name": "New"}
    update_customer(customer, {"phone": "+256414000002"}, by=ACTOR, at=NOW)
    answer = staff.post(path, stale)
    assert answer.status_code == 422 and "Somebody else changed this customer meanwhile" in text(answer)
    customer.refresh_from_db()
    assert (customer.name, customer.phone) == ("Old", "+256414000002")
    assert staff.post(path, stale | {"version": answer.context["form"].version}).status_code == 302


def test_locked_fields_are_read_only_with_the_reason(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization, external_id="x")
    path = f"/customers/{customer.public_id}/edit"
    early = edit_data(staff.get(path))
    give_subscription(customer)
    answer = staff.get(path)
    assert "Fixed, because the customer has a subscription." in text(answer)
    assert answer.context["form"].fields["currency"].disabled
    answer = staff.post(path, early | {"external_id": "y", "name": "New"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["external_id"])
    customer.refresh_from_db()
    assert (customer.external_id, customer.name == "New") == ("x", False)
    assert staff.post(path, early | {"name": "New"}).status_code == 302


def test_shipping_address_of_its_own(staff: Client, organization: Organization) -> None:
    data = {key: value for key, value in FILLED.items() if key != "shipping_same"}
    staff.post("/customers/add", data | {"shipping_city": "Hamburg"})
    row = Customer.objects.get()
    assert row.shipping_city == "Hamburg"
    form = staff.get(f"/customers/{row.public_id}/edit").context["form"]
    assert form["shipping_same"].value() is False


def test_overview(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization, currency="UGX", phone="+256 414 000001")
    answer = staff.get(f"/customers/{customer.public_id}")
    page = text(answer)
    assert "UGX\xa00" in page or "USh" in page
    assert "No subscription" in page and "+256 41 4000001" in page and "Customer created" in page
    acts = [act["label"] for act in answer.context["acts"]]
    assert acts[-2:] == ["Edit customer", "Delete customer"]
    assert answer.context["strip"].currencies[0].quiet
    assert "Prepaid wallets" in page and "Postpaid billing" in page


def test_usage_figure_is_a_partial(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization)
    path = f"/customers/{customer.public_id}"
    partial = text(staff.get(path, headers=htmx("usage-figure")))
    assert partial.strip().startswith('<div id="usage-figure"') and "<title>" not in partial


def test_a_customer_being_deleted_offers_nothing(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization)
    Customer.objects.filter(pk=customer.pk).update(deleting_at=NOW)
    answer = staff.get(f"/customers/{customer.public_id}")
    assert "This customer is being deleted" in text(answer)
    assert answer.context["acts"] == []


def test_information_and_activity(staff: Client, organization: Organization) -> None:
    customer = make_customer(organization, name="Old", country="UG", metadata={"tier": "gold"})
    update_customer(customer, {"name": "New"}, by=ACTOR, at=NOW)
    page = text(staff.get(f"/customers/{customer.public_id}/information"))
    assert "Uganda" in page and "tier" in page and "gold" in page
    page = text(staff.get(f"/customers/{customer.public_id}/activity"))
    assert "Customer updated" in page and "<del>Old</del>" in page and "<ins>New</ins>" in page
    partial = text(staff.get(f"/customers/{customer.public_id}/activity", headers=htmx("activity-table")))
    assert "Customer updated" in partial and "<title>" not in partial


def test_few_queries(staff: Client, organization: Organization, django_assert_max_num_queries: Any) -> None:
    for _ in range(8):
        customer = make_customer(organization)
    give_subscription(customer)
    root = f"/customers/{customer.public_id}"
    limits = {"/customers": 11, root: 11, f"{root}/information": 11, f"{root}/activity": 9}
    for path, limit in limits.items():
        staff.get(path)
        with django_assert_max_num_queries(limit):
            assert staff.get(path).status_code == 200


def test_done_events_are_readable(staff: Client, organization: Organization) -> None:
    answer = staff.post("/customers/add", FILLED, headers=htmx("drawer"))
    assert event_names(answer) == {}, "the browser leaves the page, the message shows on the next one"
