"""The Usage tab: what it shows, that it moves, and that strangers see nothing of it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from billing.actions.charge_terms import FilterTerms
from billing.actions.usage import ingest
from billing.models import BillingEntity
from invoicing.actions import advance
from invoicing.models import Invoice, InvoicedPeriod, InvoiceLine
from tests.factories.catalog import GRADUATED, charge, make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.people import make_member, make_organization, sign_in
from tests.factories.usage import event, make_metered, make_subscription, use

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "usage-panel"}


@pytest.fixture
def metered():
    at = timezone.now()
    organization = make_organization()
    calls, seats = make_metric(organization, "calls"), make_metric(organization, "seats", "unique_count")
    plan = make_plan(organization, [charge(calls, "graduated", GRADUATED), charge(seats)])
    customer = make_customer(organization, timezone="Europe/Berlin")
    subscription = make_subscription(
        customer,
        plan,
        external_id="acme-1",
        started_at=at - timedelta(days=3),
        next_billing_at=at + timedelta(days=3),
    )
    return subscription, calls, seats


@pytest.fixture
def staff(client, metered):
    return sign_in(client, make_member(metered[0].organization, "support"))


def address(subscription, more=""):
    return f"/customers/{subscription.customer.public_id}/usage{more}"


def test_what_is_billed_in_advance_shows_what_is_invoiced(client):
    at = timezone.now() - timedelta(minutes=1)
    organization = make_organization()
    calls, texts = make_metric(organization, "calls"), make_metric(organization, "texts")
    price = {"amount": "2"}
    plan = make_plan(
        organization,
        [
            charge(calls, properties=price, pay_in_advance=True),
            charge(texts, properties=price, pay_in_advance=True, invoiceable=False),
        ],
    )
    start, end = at - timedelta(days=3), at + timedelta(days=3)
    customer = make_customer(organization, grace_period_days=0)
    row = make_subscription(customer, plan, started_at=start, next_billing_at=end)
    use(row, calls, 3, at=at)
    use(row, texts, 4, at=at)
    staff = sign_in(client, make_member(organization, "support"))
    waiting = staff.get(address(row)).context["seen"]
    advance.run()
    shown = staff.get(address(row))
    text = shown.content.decode()
    assert shown.context["seen"] != waiting  # a page that is open sees the fee come
    words = re.sub(r"<[^>]+>", "", text)
    for expected in ("€14.00", "€6.00 of it invoiced in advance", "€6.00 invoiced", "with the period"):
        assert expected in words, expected
    charge_page = staff.get(
        address(row, f"/{row.public_id}/{plan.charges.get(metric=texts).public_id}")
    ).content.decode()
    assert "The period's invoice gathers it." in charge_page
    number = Invoice.objects.get().number
    key = plan.charges.get(metric=calls).public_id
    page = staff.get(address(row, f"/{row.public_id}/{key}")).content.decode()
    assert number in page  # beside the event that it bills
    assert number in staff.get(f"/subscriptions/{row.public_id}/invoices").content.decode()


def test_shows_units_and_amounts_by_charge(staff, metered):
    subscription, calls, seats = metered
    at = timezone.now() - timedelta(minutes=1)
    use(subscription, calls, 700, 500, at=at)
    use(subscription, seats, "ann", "bob", at=at)
    text = staff.get(address(subscription)).content.decode()
    for expected in ("€115.00", "€0.20", "€115.20", "1,200", "Calls", "Europe/Berlin", "Events by charge"):
        assert expected in text, expected
    assert "No usage yet" not in text


def test_the_panel_alone_and_nothing_when_nothing_moved(staff, metered):
    subscription, calls, _ = metered
    use(subscription, calls, 1, at=timezone.now())
    answer = staff.get(address(subscription), **HTMX)
    text = answer.content.decode()
    assert text.lstrip().startswith('<div id="usage-panel"')
    assert "<html" not in text
    poll = text.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    assert staff.get(poll, **HTMX).status_code == 204
    use(subscription, calls, 5, at=timezone.now())
    again = staff.get(poll, **HTMX)
    assert (again.status_code, "€0.60" in again.content.decode()) == (200, True)
    assert staff.get(poll).status_code == 200  # opened as a page


def test_the_chart_switches_by_charge(staff, metered):
    subscription, calls, _ = metered
    use(subscription, calls, 40, 2, at=timezone.now() - timedelta(days=1))
    item = subscription.plan.charges.get(metric=calls)
    text = staff.get(address(subscription, f"?charge={item.public_id}")).content.decode()
    assert "42 units" in text
    assert staff.get(address(subscription, "?charge=nonsense")).status_code == 200


def test_a_charge_explains_its_amount(staff, metered):
    subscription, calls, _ = metered
    use(subscription, calls, 700, 500, at=timezone.now())
    item = subscription.plan.charges.get(metric=calls)
    url = address(subscription, f"/{subscription.public_id}/{item.public_id}")
    text = staff.get(url, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="drawer").content.decode()
    assert "<html" not in text
    for expected in ("€115.00", "The sum of “value” over all events.", "1,000", "0.05 + 5", "Latest events"):
        assert expected in text, expected
    assert "<html" in staff.get(url).content.decode()


def test_no_usage_yet_shows_a_command_for_this_subscription(staff, metered):
    subscription, calls, _ = metered
    text = staff.get(address(subscription)).content.decode()
    assert "No usage yet" in text
    assert "&quot;subscriptionId&quot;: &quot;acme-1&quot;" in text
    assert f"&quot;code&quot;: &quot;{calls.code}&quot;" in text


def test_empty_states(client):
    organization = make_organization()
    sign_in(client, make_member(organization))
    customer = make_customer(organization)
    assert "No usage to show" in client.get(f"/customers/{customer.public_id}/usage").content.decode()
    make_subscription(customer, make_plan(organization))
    text = client.get(f"/customers/{customer.public_id}/usage").content.decode()
    assert "This plan has no usage-based charges" in text


def test_chooses_between_subscriptions(staff, metered):
    subscription, calls, _ = metered
    other = make_subscription(
        subscription.customer,
        subscription.plan,
        external_id="acme-2",
        started_at=subscription.started_at - timedelta(days=1),
        next_billing_at=subscription.next_billing_at,
    )
    use(other, calls, 3, at=timezone.now())
    assert "€0.30" not in staff.get(address(subscription)).content.decode()
    text = staff.get(address(subscription, f"?subscription={other.public_id}")).content.decode()
    assert "€0.30" in text
    stranger, _ = make_metered(organization=subscription.organization)
    assert staff.get(address(subscription, f"?subscription={stranger.public_id}")).status_code == 404


def test_lists_invoiced_periods_with_their_invoices(staff, metered):
    subscription, _calls, _ = metered
    organization = subscription.organization
    invoice = Invoice.objects.create(
        organization=organization,
        billing_entity=BillingEntity.objects.get(organization=organization),
        customer=subscription.customer,
        type="subscription",
        currency="EUR",
        issuing_on=timezone.now().date(),
        customer_name="Customer",
    )
    start = subscription.started_at
    end = start + timedelta(days=1)
    InvoicedPeriod.objects.create(
        organization=organization,
        invoice=invoice,
        subscription=subscription,
        kind="usage",
        start=start,
        end=end,
    )
    for position, begin in enumerate((start, start - timedelta(days=1))):
        InvoiceLine.objects.create(
            organization=organization,
            invoice=invoice,
            subscription=subscription,
            charge=subscription.plan.charges.first(),
            kind="charge",
            position=position,
            description="Calls",
            units=1,
            unit_amount=1,
            amount_minor=777,
            events_count=4,
            period_start=begin,
            period_end=end,
        )
    text = staff.get(address(subscription)).content.decode()
    assert "€7.77" in text
    assert "€15.54" in text  # both lines, since the start
    assert f"/invoices/{invoice.pk.hex}" in text


def test_a_stranger_finds_nothing(client, metered):
    subscription, calls, _ = metered
    item = subscription.plan.charges.get(metric=calls)
    sign_in(client, make_member(make_organization("Other")))
    assert client.get(address(subscription)).status_code == 404
    url = address(subscription, f"/{subscription.public_id}/{item.public_id}")
    assert client.get(url).status_code == 404


def test_takes_the_same_few_queries_whatever_was_used(staff, metered, django_assert_max_num_queries):
    subscription, calls, seats = metered
    staff.get(address(subscription))
    for _ in range(2):
        use(subscription, calls, *range(20), at=timezone.now())
        use(subscription, seats, *range(20), at=timezone.now())
        with django_assert_max_num_queries(16):
            staff.get(address(subscription))


def test_the_drawer_breaks_a_charge_down_by_filter_and_group(client):
    organization = make_organization()
    sign_in(client, make_member(organization))
    filters = [{"key": "region", "values": ["eu", "us"]}]
    metric = make_metric(organization, filters=filters)
    rows = [FilterTerms({"region": ["eu"]}, {"amount": "2"}, "Europe")]
    terms = charge(metric, properties={"amount": "1"}, filters=rows, group_keys=["user"])
    customer = make_customer(organization)
    at = timezone.now()
    subscription = make_subscription(
        customer, make_plan(organization, [terms]), started_at=at - timedelta(days=3), next_billing_at=None
    )
    sent = [("eu", "ann", 3), ("eu", "<b>", 4), ("us", "ann", 5)]
    for region, user, value in sent:
        ingest(organization, [event(subscription, metric, value, at=at, region=region, user=user)], at=at)
    url = f"/customers/{customer.public_id}/usage"
    text = client.get(url).content.decode()
    assert "€19.00" in text
    drawer = f"{url}/{subscription.public_id}/{subscription.plan.charges.get().public_id}"
    text = client.get(drawer, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="drawer").content.decode()
    for expected in ("Breakdown", "Europe · ann", "Europe · &lt;b&gt;", "€8.00", "Default price", "€5.00"):
        assert expected in text, expected
