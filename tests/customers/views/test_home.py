"""Home and search: real figures, few queries, links that filter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from billing.actions import later
from billing.actions.usage import ingest
from billing.models import Job, Member, Organization
from customers.models import VatCheck
from customers.queries.charts import Amount, first_of_month
from customers.queries.home import home
from customers.queries.needs import Part
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.models import Invoice
from tests.factories.catalog import make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import subscribe
from tests.factories.people import ACTOR, make_member, make_organization, sign_in
from tests.factories.usage import event

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)


@pytest.fixture
def organization() -> Organization:
    """A tenant in UTC and EUR."""
    return make_organization("Acme")


@pytest.fixture
def admin(organization: Organization) -> Client:
    """Its admin's browser."""
    return sign_in(Client(), Member.objects.get(organization=organization))


def bill(organization: Organization, amount: int, at: datetime = NOW, **fields: Any) -> Invoice:
    """A final invoice over `amount` for a customer of its own."""
    finalize = fields.pop("finalize", True)
    customer = make_customer(organization, at=at, **fields)
    items = [Item("Work", Decimal(amount))]
    return create_one_off(customer, items, finalize=finalize, by=ACTOR, at=at)


def test_new_organization_gets_four_steps_that_tick_themselves(
    admin: Client, organization: Organization
) -> None:
    page = admin.get("/").content.decode()
    assert "Get started" in page and "data-done" not in page and "This month" not in page
    metric = make_metric(organization)
    plan = make_plan(organization, [metric])
    assert admin.get("/").content.decode().count("data-done") == 2
    subscription = subscribe(make_customer(organization), plan, NOW)
    assert admin.get("/").content.decode().count("data-done") == 3
    ingest(organization, [event(subscription, metric, 1, at=NOW)], at=NOW)
    page = admin.get("/").content.decode()
    assert "Get started" not in page and "Nothing needs you." in page


def test_figures_of_the_month(organization: Organization) -> None:
    bill(organization, 100)
    paid = bill(organization, 50)
    bill(organization, 7, at=NOW - timedelta(days=40))
    bill(organization, 3000, currency="JPY")
    bill(organization, 30, finalize=False)
    record_payment(paid, amount_minor=2000, paid_at=NOW, key="a", by=ACTOR, at=NOW)
    found = home(organization, NOW)
    assert found.invoiced == [Amount("EUR", 15000, 2), Amount("JPY", 3000, 1)]
    assert found.received == [Amount("EUR", 2000, 1)]
    assert found.unpaid == [Part("EUR", 3, 13700), Part("JPY", 1, 3000)]
    assert found.needs["overdue_30"] == [Part("EUR", 1, 700)]
    (drafts,) = found.needs["drafts"]
    assert (drafts.currency, drafts.count, drafts.minor) == ("EUR", 1, 3000)
    assert found.revenue.currencies == ["EUR", "JPY"] and found.revenue.main_currency("EUR") == "EUR"
    months = found.revenue.invoiced["EUR"]
    assert {month.isoformat(): amount.minor for month, amount in months.items()} == {
        "2026-03-01": 15000,
        "2026-02-01": 700,
    }
    assert len(found.revenue.months) == 12 and found.revenue.months[0].isoformat() == "2025-04-01"


def test_month_begins_in_the_organizations_time_zone(organization: Organization) -> None:
    organization.timezone = "Pacific/Auckland"
    paid = bill(organization, 50)
    last_day = datetime(2026, 2, 28, 10, 59, tzinfo=UTC)  # 23:59 in Auckland
    record_payment(paid, amount_minor=100, paid_at=last_day, key="a", by=ACTOR, at=NOW)
    record_payment(paid, amount_minor=10, paid_at=last_day + timedelta(minutes=1), key="b", by=ACTOR, at=NOW)
    assert home(organization, NOW).received == [Amount("EUR", 10, 1)]


def test_recurring_revenue_counts_running_plans_by_the_month(organization: Organization) -> None:
    for interval, amount in (("monthly", 2900), ("yearly", 120000), ("weekly", 1200)):
        plan = make_plan(organization, interval=interval, amount_minor=amount)
        subscribe(make_customer(organization), plan, NOW)
    dollars = make_plan(organization, currency="USD", amount_minor=1000)
    subscribe(make_customer(organization, currency="USD"), dollars, NOW)
    assert home(organization, NOW).mrr == [Amount("EUR", 2900 + 10000 + 5200, 3), Amount("USD", 1000, 1)]


def test_rows_name_what_waits_and_lead_to_the_filtered_list(
    admin: Client, organization: Organization
) -> None:
    bill(organization, 7, at=NOW - timedelta(days=400))
    bill(organization, 30, finalize=False)
    job = later.enqueue(organization, "x", key="x", label="PDF of ACM-1", subject_id=organization.pk)
    Job.objects.filter(pk=job.pk).update(state="failed", error="Out of paper", finished_at=NOW)
    page = admin.get("/").content.decode()
    for words in ("invoice is overdue", "draft to review", "job failed", "Out of paper", "Run again"):
        assert words in page
    assert f'href="{reverse("jobs")}?state=failed"' in page
    assert 'invoices?tab=overdue"' in page and 'invoices?tab=draft"' in page
    support = sign_in(Client(), make_member(organization, "support"))
    assert "Run again" not in support.get("/").content.decode()


def test_rows_lead_only_where_the_role_may_go(admin: Client, organization: Organization) -> None:
    customer = make_customer(organization)
    VatCheck.objects.create(
        organization=organization, customer=customer, source="vies", state="pending", number="X", asked_at=NOW
    )
    url = f'href="{reverse("vat-settings")}"'
    assert url in admin.get("/").content.decode()
    page = sign_in(Client(), make_member(organization, "support")).get("/").content.decode()
    assert "VAT number waits for its check" in page and url not in page


def test_charts_are_of_one_currency_that_can_be_chosen(admin: Client, organization: Organization) -> None:
    bill(organization, 100, at=now())
    bill(organization, 3000, at=now(), currency="JPY")
    page = admin.get("/").content.decode()
    assert "Invoiced €100.00" in page and "¥3,000" not in page.partition('id="charts"')[2]
    other = admin.get("/?currency=JPY").content.decode()
    assert "Invoiced ¥3,000" in other and 'href="?currency=EUR#charts"' in other
    assert "Invoiced €100.00" in admin.get("/?currency=XXX").content.decode()


def test_home_takes_fewer_than_twelve_queries_however_much_there_is(
    admin: Client, organization: Organization, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        bill(organization, 10 + number, currency="EUR" if number % 2 else "USD")
    admin.get("/")
    with django_assert_max_num_queries(11):
        admin.get("/")


def test_other_organizations_do_not_count(organization: Organization) -> None:
    bill(make_organization("Other"), 999)
    found = home(organization, NOW)
    assert (found.invoiced, found.unpaid, found.activity[0].organization_id) == ([], [], organization.pk)


def test_first_of_month_crosses_the_year() -> None:
    assert first_of_month(datetime(2026, 2, 28).date(), 3).isoformat() == "2025-11-01"
    assert first_of_month(datetime(2026, 12, 31).date(), 0).isoformat() == "2026-12-01"


def search(client: Client, text: str) -> str:
    """The results as the browser gets them."""
    headers = {"HX-Request": "true", "HX-Target": "search-results"}
    return client.get(reverse("search"), {"q": text}, headers=headers).content.decode()


def test_search_finds_by_part_of_name_number_and_id(admin: Client, organization: Organization) -> None:
    customer = make_customer(organization, name="Ärzte & Söhne", email="kasse@arzt.example")
    invoice = create_one_off(customer, [Item("Work", Decimal(1))], finalize=True, by=ACTOR, at=NOW)
    for text in ("arzte", "söh", "kasse@", customer.external_id, customer.public_id, str(customer.pk)):
        assert "Ärzte &amp; Söhne" in search(admin, text), text
    assert invoice.number in search(admin, invoice.number[:5].lower())
    assert "<html" not in search(admin, "arzte")
    assert "Nothing found" in search(admin, "nobody-at-all")
    assert "at least two letters" in search(admin, "ä")


@pytest.mark.parametrize(
    "text", ["%", "%%", "__", "' OR 1=1 --", "\x00ab", "a" * 5000, "<script>alert(1)</script>"]
)
def test_strange_searches_are_harmless(admin: Client, organization: Organization, text: str) -> None:
    make_customer(organization, name="Plain")
    page = search(admin, text)
    assert "Plain" not in page
    assert "<script>alert" not in page
