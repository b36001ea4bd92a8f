"""Pages of subscriptions: lists, assigning, ending."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from billing.actions.clock import now
from billing.models import AuditEntry, Organization, Plan, Subscription
from customers.models import Customer
from invoicing.models import Invoice, InvoiceLine
from tests.factories.catalog import charge, make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import on, subscribe
from tests.factories.pages import htmx, queries, statuses, text, token
from tests.factories.people import make_member, make_organization, sign_in
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
EDITORS = {"admin": 200, "manager": 200, "finance": 403, "support": 403, "stranger": 404}
EVERYBODY = {"admin": 200, "manager": 200, "finance": 200, "support": 200, "stranger": 404}


@pytest.fixture
def organization() -> Organization:
    return make_organization(at=on(2026, 1, 1))


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return make_customer(organization, name="Kampala Tech")


@pytest.fixture
def plan(organization: Organization) -> Plan:
    return make_plan(organization, [charge(make_metric(organization, "calls"))], code="team")


@pytest.fixture
def staff(client: Client, organization: Organization) -> Client:
    return sign_in(client, make_member(organization))


def test_list_page_partial_search_and_filters(staff: Client, customer: Customer, plan: Plan) -> None:
    subscribe(customer, plan, on(2026, 1, 1), external_id="sub-one")
    other = make_customer(customer.organization, name="Nairobi Ltd")
    subscribe(other, plan, on(2026, 1, 1), external_id="sub-two", subscription_at=on(2026, 2, 1))
    page = text(staff.get("/subscriptions"))
    assert "<title>" in page and "sub-one" in page and "sub-two" in page
    partial = text(staff.get("/subscriptions", headers=htmx("subscription-table")))
    assert partial.strip().startswith('<div id="subscription-table"') and "<title>" not in partial
    for query, found in (
        ("q=nairobi", ["sub-two"]),
        ("q=sub-one", ["sub-one"]),
        ("status=pending", ["sub-two"]),
        ("status=active", ["sub-one"]),
        ("plan=team&sort=name", ["sub-one", "sub-two"]),
        ("plan=team&sort=-name", ["sub-two", "sub-one"]),
        ("plan=none", []),
    ):
        answer = staff.get(f"/subscriptions?{query}")
        assert [row.external_id for row in answer.context["page"].object_list] == found, query
    assert "No subscription" in text(staff.get("/subscriptions?q=zzz"))


def test_tab_page_and_partial(staff: Client, customer: Customer, plan: Plan) -> None:
    path = f"/customers/{customer.public_id}/subscriptions"
    assert "No subscription" in text(staff.get(path))
    subscribe(customer, plan, on(2026, 1, 1), external_id="sub-one")
    assert "sub-one" in text(staff.get(path)) and "Kampala Tech" in text(staff.get(path))
    partial = text(staff.get(path, headers=htmx("subscription-table")))
    assert "sub-one" in partial and "<title>" not in partial


def test_who_may(organization: Organization, customer: Customer, plan: Plan) -> None:
    row = subscribe(customer, plan, on(2026, 1, 1))
    base = f"/customers/{customer.public_id}"
    assert statuses(organization, f"{base}/subscriptions") == EVERYBODY
    assert statuses(organization, f"/subscriptions/{row.public_id}") == EVERYBODY
    assert statuses(organization, f"{base}/assign") == EDITORS
    assert statuses(organization, f"/subscriptions/{row.public_id}/terminate") == EDITORS
    refused = statuses(organization, f"{base}/assign", {"plan": "x"})
    assert refused == EDITORS | {"admin": 422, "manager": 422}
    assert Subscription.objects.count() == 1


def test_a_look_bills_the_first_period_and_takes_it_back(staff: Client, customer: Customer) -> None:
    path, advance = f"/customers/{customer.public_id}/assign", {"pay_in_advance": True, "amount_minor": 3100}
    plan = make_plan(customer.organization, [], currency=customer.currency, **advance)
    data = {"plan": plan.pk, "billing_time": "anniversary", "act": "look"}
    seen = staff.post(path, data, headers=htmx("first-bills"))
    assert "First invoices" in text(seen) and "<title>" not in text(seen)
    bills = seen.context["first_bills"].bills
    assert [bill.minor for bill in bills] == [3100, 3100], "the first period now, the second at its end"
    wrong = text(staff.post(path, {"act": "look", "plan": "nope"}, headers=htmx("first-bills")))
    assert "error" in wrong and "First invoices" not in wrong
    assert not Subscription.objects.exists() and not Invoice.objects.exists()


def test_assigning_from_the_drawer_and_the_page(staff: Client, customer: Customer, plan: Plan) -> None:
    path = f"/customers/{customer.public_id}/assign"
    drawer = text(staff.get(path, headers=htmx("drawer")))
    assert "Assign plan" in drawer and "<title>" not in drawer
    body = {"plan": plan.pk, "billing_time": "anniversary", "name": "Main", "external_id": "sub-main"}
    tab = reverse("customer-subscriptions", args=[customer.pk])
    answer = staff.post(path, body | {"once": token(staff, path)}, headers=htmx("drawer"))
    assert answer["HX-Redirect"] == tab
    row = Subscription.objects.get()
    assert (row.external_id, row.name, row.billing_time, row.status) == (
        "sub-main",
        "Main",
        "anniversary",
        "active",
    )
    entry = AuditEntry.objects.get(action="subscription.started")
    assert (entry.actor_kind, entry.customer_id) == ("user", customer.pk)
    page = staff.post(path, body | {"once": token(staff, path), "external_id": "sub-2"})
    assert (page.status_code, page["Location"]) == (302, tab)


def test_a_form_sent_twice_acts_once(staff: Client, customer: Customer, plan: Plan) -> None:
    path = f"/customers/{customer.public_id}/assign"
    body = {"plan": plan.pk, "billing_time": "calendar", "once": token(staff, path)}
    assert [staff.post(path, body).status_code for _ in range(2)] == [302, 302]
    assert Subscription.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"plan": ""}, "plan", "required"),
        ({"billing_time": "lunar"}, "billing_time", "valid choice"),
        ({"starts_on": "2026-13-01"}, "starts_on", "valid date"),
        ({"starts_on": "2027-02-01", "ends_on": "2027-01-01"}, "ends_on", "after the start"),
        ({"ends_on": "2020-01-01"}, "ends_on", "future"),
        ({"trial_days": "-1"}, "trial_days", "greater than or equal to 0"),
        ({"external_id": "taken"}, "external_id", "already"),
    ],
)
def test_errors_stand_at_their_field(
    staff: Client, customer: Customer, plan: Plan, change: dict[str, str], field: str, message: str
) -> None:
    subscribe(make_customer(customer.organization), plan, on(2026, 1, 1), external_id="taken")
    path = f"/customers/{customer.public_id}/assign"
    body = {"plan": plan.pk, "billing_time": "calendar", "once": token(staff, path)} | change
    answer = staff.post(path, body, headers=htmx("drawer"))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert message in str(answer.context["form"].errors[field]) and message in text(answer)
    assert not Subscription.objects.filter(customer=customer).exists()
    body |= {"starts_on": "", "ends_on": "", "trial_days": "", "plan": plan.pk, "billing_time": "calendar"}
    assert staff.post(path, body | {"external_id": "free"}).status_code == 302, "a refused form can be mended"


def test_plan_in_another_currency_is_refused_at_the_plan(
    staff: Client, customer: Customer, plan: Plan
) -> None:
    subscribe(customer, plan, on(2026, 1, 1))
    dollars = make_plan(customer.organization, currency="USD")
    path = f"/customers/{customer.public_id}/assign"
    answer = staff.post(path, {"plan": dollars.pk, "billing_time": "calendar"})
    assert answer.status_code == 422 and "USD" in str(answer.context["form"].errors["plan"])


def test_without_a_plan_the_drawer_leads_to_plans(staff: Client, customer: Customer) -> None:
    assert "No plan to assign yet" in text(staff.get(f"/customers/{customer.public_id}/assign"))


def test_the_page_of_one_and_of_a_deleted_customer(staff: Client, customer: Customer, plan: Plan) -> None:
    row = subscribe(customer, plan, on(2026, 1, 1), name="Main")
    page = text(staff.get(f"/subscriptions/{row.public_id}"))
    assert "Main" in page and "Terminate" in page
    assert "calls" in text(staff.get(f"/subscriptions/{row.public_id}/plan"))
    Customer.objects.filter(pk=customer.pk).update(deleted_at=on(2026, 2, 1))
    page = text(staff.get(f"/subscriptions/{row.public_id}"))
    assert "Kampala Tech (deleted)" in page


def test_terminating_states_the_usage_and_bills_it(staff: Client, customer: Customer, plan: Plan) -> None:
    at = now(customer.organization)
    row = subscribe(customer, plan, at - timedelta(hours=2))
    use(row, plan.charges.get().metric, 30, at=at - timedelta(minutes=5))
    path = f"/subscriptions/{row.public_id}/terminate"
    dialog = text(staff.get(path, headers=htmx("dialog")))
    assert "€3.00" in dialog and "<title>" not in dialog
    body = {"once": token(staff, path)}
    counts = []
    for _ in range(2):
        assert staff.post(path, body).status_code == 302
        counts.append(Invoice.objects.filter(customer=customer).count())
    row.refresh_from_db()
    assert row.status == "terminated" and counts[0] == counts[1] > 0
    assert AuditEntry.objects.filter(action="subscription.terminated").count() == 1
    lines = InvoiceLine.objects.filter(invoice__customer=customer, kind="charge")
    assert [line.amount_minor for line in lines] == [300]


def test_calling_off_a_pending_one(staff: Client, customer: Customer, plan: Plan) -> None:
    row = subscribe(customer, plan, on(2026, 1, 1), subscription_at=on(2090, 1, 1))
    path = f"/subscriptions/{row.public_id}/terminate"
    assert "Nothing will be billed" in text(staff.get(path))
    staff.post(path, {"once": token(staff, path)})
    row.refresh_from_db()
    assert row.status == "canceled" and not Invoice.objects.exists()


def test_queries_do_not_grow_with_the_rows(staff: Client, customer: Customer, plan: Plan) -> None:
    row = subscribe(customer, plan, on(2026, 1, 1))
    paths = ["/subscriptions", f"/customers/{customer.public_id}/subscriptions"]
    paths += [f"/customers/{customer.public_id}/assign", f"/subscriptions/{row.public_id}"]
    for path in paths:
        staff.get(path)  # the first visit is noted and fills what the shell keeps
    one = [queries(staff, path) for path in paths]
    for _ in range(4):
        subscribe(customer, plan, on(2026, 1, 1))
    assert [queries(staff, path) for path in paths] == one
    assert one == [5, 6, 6, 8]


def test_past_due_shows_and_can_be_looked_for(staff: Client, customer: Customer, plan: Plan) -> None:
    late = subscribe(customer, plan, on(2026, 1, 1), name="Late one")
    subscribe(customer, plan, on(2026, 1, 1), name="Other one")
    Subscription.objects.filter(pk=late.pk).update(status="past_due")
    page = text(staff.get("/subscriptions?status=past_due"))
    assert "Late one" in page and "Other one" not in page and "Past due" in page
    assert "Past due" in text(staff.get(f"/subscriptions/{late.public_id}"))


def test_the_file_has_what_is_filtered_in_its_order(staff: Client, customer: Customer, plan: Plan) -> None:
    for name, day in (("one", 2), ("two", 1)):
        subscribe(customer, plan, on(2026, 1, day), external_id=f"sub-{name}", name="=1+1")
    page = text(staff.get("/subscriptions", {"q": "sub-", "sort": "started"}))
    assert "/subscriptions.csv?q=sub-&amp;sort=started" in page
    answer = staff.get("/subscriptions.csv", {"q": "sub-", "sort": "started"})
    head, *lines = b"".join(answer).decode().splitlines()
    assert head.startswith("subscription_id,external_id,name,status,plan_code")
    assert [line.split(",")[1:5] for line in lines] == [
        ["sub-two", "'=1+1", "active", "team"],
        ["sub-one", "'=1+1", "active", "team"],
    ]
    assert "2026-01-01T" in lines[0]
    assert len(b"".join(staff.get("/subscriptions.csv", {"status": "pending"})).splitlines()) == 1
