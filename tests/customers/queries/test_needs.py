"""What needs a person today: every kind from rows that have it, and nothing when there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.actions import later
from billing.actions.usage import ingest
from billing.actions.wallet_opening import create_wallet
from billing.models import Job, Organization, Subscription, Wallet
from billing.orm.fields import new_id
from customers.models import VatCheck
from customers.queries.charts import recurring_movements, usage_by_day
from customers.queries.needs import Part, waiting
from customers.rules.movements import Movement
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice, Payment, PaymentAttempt, PaymentProvider, ProviderLink
from tests.factories.catalog import make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.invoicing import subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.providers import make_provider
from tests.factories.usage import event

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def organization() -> Organization:
    """A tenant in UTC and EUR."""
    return make_organization("Acme")


def found(organization: Organization) -> dict[str, list[Part]]:
    """What waits, without what only counts the organization's size."""
    size = {"customers", "subscriptions", "metric", "plan", "event", "unpaid"}
    return {kind: parts for kind, parts in waiting(organization, NOW, TODAY).items() if kind not in size}


def final(organization: Organization, amount: int, due_days_ago: int, **fields: Any) -> Invoice:
    """A final invoice that was due so many days ago."""
    customer = make_customer(organization, at=NOW, **fields)
    invoice = create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, by=ACTOR, at=NOW)
    Invoice.objects.filter(pk=invoice.pk).update(due_on=TODAY - timedelta(days=due_days_ago))
    return invoice


def test_nothing_waits_in_a_new_organization_or_for_another(
    organization: Organization, django_assert_num_queries: Any
) -> None:
    final(make_organization("Other"), 10, 5)
    with django_assert_num_queries(1):
        assert waiting(organization, NOW, TODAY) == {}


def test_overdue_by_age_and_currency(organization: Organization) -> None:
    for days, amount in ((0, 1), (1, 10), (30, 20), (31, 40), (60, 80), (90, 160), (91, 320)):
        final(organization, amount, days)
    final(organization, 5, 2, currency="USD")
    assert found(organization) == {
        "overdue_30": [Part("EUR", 2, 3000), Part("USD", 1, 500)],
        "overdue_60": [Part("EUR", 2, 12000)],
        "overdue_90": [Part("EUR", 1, 16000)],
        "overdue_more": [Part("EUR", 1, 32000)],
    }


def test_drafts_say_when_the_first_becomes_final(organization: Organization) -> None:
    customer = make_customer(organization, at=NOW)
    for days in (3, 2):
        draft = create_one_off(customer, [Item("Work", Decimal(7))], finalize=False, by=ACTOR, at=NOW)
        Invoice.objects.filter(pk=draft.pk).update(finalize_at=NOW + timedelta(days=days))
    assert found(organization) == {"drafts": [Part("EUR", 2, 1400, NOW + timedelta(days=2))]}


def test_failed_payments_of_what_is_still_unpaid(organization: Organization) -> None:
    for number, (days, status) in enumerate([(1, "failed"), (40, "failed"), (1, "pending")]):
        invoice = final(organization, 9, -5)
        Payment.objects.create(
            organization=organization,
            invoice=invoice,
            customer=invoice.customer,
            amount_minor=900,
            currency="EUR",
            status=status,
            paid_at=NOW - timedelta(days=days),
            key=str(number),
        )
    assert found(organization) == {"failed_payments": [Part("EUR", 1, 900)]}


def test_online_payments_that_failed_or_could_not_be_recorded(organization: Organization) -> None:
    account = make_provider(organization, sync_customers=False)
    for number, (state, problem) in enumerate(
        [("failed", ""), ("successful", "Paid twice."), ("pending", "")]
    ):
        invoice = final(organization, 9, -5)
        PaymentAttempt.objects.create(
            organization=organization,
            invoice=invoice,
            customer=invoice.customer,
            provider=account,
            amount_minor=900,
            received_minor=900 if problem else 0,
            currency="EUR",
            state=state,
            problem=problem,
            key=str(number),
        )
    PaymentAttempt.objects.update(created_at=NOW)
    assert found(organization) == {
        "failed_attempts": [Part("EUR", 1, 900)],
        "paid_problems": [Part("EUR", 1, 900)],
    }


def test_wallets_that_are_low_or_expire(organization: Organization) -> None:
    customer = make_customer(organization, at=NOW)
    for balance, low, days in ((500, 1000, None), (2000, 1000, 10), (2000, None, 40), (0, None, 10)):
        wallet = create_wallet(customer, currency="EUR", rate=Decimal(1), by=ACTOR, at=NOW)
        end = NOW + timedelta(days=days) if days else None
        Wallet.objects.filter(pk=wallet.pk).update(
            balance_minor=balance, low_balance_minor=low, expires_at=end
        )
    assert found(organization) == {
        "low_wallets": [Part("EUR", 1, 500)],
        "expiring": [Part("EUR", 1, 2000, NOW + timedelta(days=10))],
    }


def test_jobs_quarantine_checks_links_trials_and_ends(organization: Organization) -> None:
    metric, plan = make_metric(organization), make_plan(organization)
    customer = make_customer(organization, at=NOW)
    ingest(organization, [event("nobody", metric, 1, at=NOW)], at=NOW)
    job = later.enqueue(organization, "x", key="x", label="PDF", subject_id=new_id())
    Job.objects.filter(pk=job.pk).update(state="failed")
    later.enqueue(organization, "customers.delete", key="y", label="Delete", subject_id=new_id())
    VatCheck.objects.create(
        organization=organization, customer=customer, source="vies", state="pending", number="X", asked_at=NOW
    )
    lost = make_customer(organization)
    for _ in range(2):
        VatCheck.objects.create(
            organization=organization,
            customer=lost,
            source="vies",
            state="failed",
            fault="VAT_BLOCKED",
            number="Y",
            asked_at=NOW,
        )
    provider = PaymentProvider.objects.create(
        organization=organization, type="stripe", name="Stripe", credentials=b""
    )
    ProviderLink.objects.create(
        organization=organization, provider=provider, customer=customer, state="failed", error="No"
    )
    trial, ending = subscribe(customer, plan, NOW), subscribe(make_customer(organization), plan, NOW)
    soon = NOW + timedelta(days=6)
    Subscription.objects.filter(pk=trial.pk).update(status="trialing", trial_ends_at=soon)
    Subscription.objects.filter(pk=ending.pk).update(ending_at=soon)
    none = [Part("", 1)]
    assert found(organization) == {
        "quarantined": none,
        "failed_jobs": none,
        "deleting": none,
        "vat_pending": none,
        "vat_failed": none,
        "provider_failed": none,
        "trials": [Part("", 1, 0, soon)],
        "ending": [Part("", 1, 0, soon)],
    }


def test_movements_of_real_subscriptions(organization: Organization) -> None:
    """A year's fee counts a twelfth; a trial counts from its end; dollars stand apart."""
    monthly = make_plan(organization, amount_minor=2000)
    yearly = make_plan(organization, amount_minor=12000, interval="yearly")
    dollars = make_plan(organization, amount_minor=700, currency="USD")
    january, february = datetime(2026, 1, 20, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=UTC)
    first = make_customer(organization)
    subscribe(first, monthly, january)
    ended = subscribe(first, yearly, january)
    Subscription.objects.filter(pk=ended.pk).update(status="terminated", terminated_at=february)
    trial = subscribe(make_customer(organization), yearly, january)
    Subscription.objects.filter(pk=trial.pk).update(trial_ends_at=february)
    subscribe(make_customer(organization, currency="USD"), dollars, february)
    months = [datetime(2026, month, 1).date() for month in (1, 2, 3)]
    assert recurring_movements(organization, "EUR", months, NOW) == [
        Movement(new=3000),
        Movement(start=3000, new=1000, contraction=1000),
        Movement(start=3000),
    ]
    assert recurring_movements(organization, "USD", months, NOW)[1] == Movement(new=700)


def test_usage_by_day_of_the_organization(organization: Organization) -> None:
    organization.timezone = "Pacific/Auckland"  # 13 hours ahead in March
    metric = make_metric(organization)
    subscription = subscribe(
        make_customer(organization), make_plan(organization, [metric]), NOW - timedelta(40)
    )
    assert usage_by_day(organization, TODAY) == []
    moments = [NOW - timedelta(days=39), NOW - timedelta(hours=24), NOW, NOW + timedelta(minutes=5)]
    ingest(organization, [event(subscription, metric, 1, at=at, id=str(at)) for at in moments], at=NOW)
    days = usage_by_day(organization, datetime(2026, 3, 16).date())
    assert len(days) == 30 and days[-1] == (datetime(2026, 3, 16).date(), 2)
    assert days[-2][1] == 1 and sum(count for _, count in days) == 3
