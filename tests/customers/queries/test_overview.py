"""The Overview tab's figures, what comes and what happened, from rows with amounts by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Organization, WalletLot
from customers.actions.classification import change_mode
from customers.actions.notes import add_note
from customers.models import Customer
from customers.queries.coming import coming, next_bill
from customers.queries.overview import open_subscriptions
from customers.queries.overview_strip import balance_strip
from customers.queries.overview_usage import usage_figures, usage_of
from customers.queries.timeline import PAGE, past, read_place
from invoicing.actions.billing_run import bill_customer
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.preview import preview_next_bill
from invoicing.models import Invoice, Payment
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, default_tax, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
AT = on(2026, 3, 15, 12)
TODAY = date(2026, 3, 15)


def everything(permission: str) -> bool:
    """May see all."""
    return True


@pytest.fixture
def organization() -> Organization:
    return make_organization("Acme")


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


def owed(customer: Customer, amount: int, days_late: int, currency: str = "EUR") -> Invoice:
    """A final invoice that was due so many days ago."""
    invoice = create_one_off(customer, [Item("Work", Decimal(amount))], finalize=True, by=ACTOR, at=AT)
    due_on = TODAY - timedelta(days=days_late)
    Invoice.objects.filter(pk=invoice.pk).update(due_on=due_on, currency=currency)
    return invoice


def test_the_strip_by_hand(customer: Customer, django_assert_num_queries: Any) -> None:
    for days, amount in (
        (-3, 5),
        (0, 7),
        (1, 10),
        (30, 20),
        (31, 40),
        (60, 80),
        (61, 1),
        (90, 160),
        (91, 320),
    ):
        owed(customer, amount, days)
    settled = owed(customer, 50, 400)
    record_payment(settled, paid_at=on(2026, 1, 1), key="new year", by=ACTOR, at=AT)
    old = owed(customer, 60, 400)
    record_payment(old, paid_at=on(2025, 12, 31, 23), key="last year", by=ACTOR, at=AT)
    Payment.objects.filter(invoice=settled).update(refunded_minor=1500)
    subscribe(customer, make_plan(customer.organization, 3100), AT)
    make_wallet(customer, "25", AT)
    subscriptions = open_subscriptions(customer)
    with django_assert_num_queries(3):
        strip = balance_strip(customer, subscriptions, AT)
    (figures,) = strip.currencies
    assert (figures.outstanding.minor, figures.outstanding.count) == (64300, 9)
    assert (figures.overdue.minor, figures.overdue.count) == (63100, 7)
    late = [(bucket.label, part.minor, part.count) for bucket, part in figures.late]
    assert late == [
        ("1–30 days", 3000, 2),
        ("31–60 days", 12000, 2),
        ("61–90 days", 16100, 2),
        ("90+ days", 32000, 1),
    ]
    assert (figures.paid.minor, figures.paid.count, strip.year_text) == (3500, 1, "2026")
    assert (figures.mrr.minor, figures.credits.available_minor) == (3100, 2500)


def test_currencies_are_never_added_up(customer: Customer) -> None:
    owed(customer, 10, 5)
    owed(customer, 99, 40, currency="USD")
    euro, dollar = balance_strip(customer, [], AT).currencies
    assert (euro.currency, euro.outstanding.minor, euro.overdue.minor) == ("EUR", 1000, 1000)
    assert (dollar.currency, dollar.outstanding.minor, dollar.overdue.minor) == ("USD", 9900, 9900)


def test_a_day_is_late_by_the_customers_own_calendar(organization: Organization) -> None:
    west = billed_customer(organization, timezone="Pacific/Honolulu")
    owed(west, 10, 1)  # due on the 14th
    midnight = on(2026, 3, 15, 5)  # still the 14th in Honolulu
    assert balance_strip(west, [], midnight).overdue == []
    assert balance_strip(west, [], on(2026, 3, 15, 10)).overdue[0].overdue.minor == 1000


def metered(customer: Customer, since: datetime) -> tuple[Any, Any]:
    """A plan of 31.00 in arrears with 0.10 a unit."""
    metric = make_metric(customer.organization, aggregation="sum")
    plan = make_plan(customer.organization, 3100, charge(metric))
    return subscribe(customer, plan, since), metric


def test_usage_against_the_same_point_of_the_last_period(customer: Customer) -> None:
    subscription, metric = metered(customer, on(2026, 2, 1))
    use(subscription, metric, 100, at=on(2026, 2, 3))
    use(subscription, metric, 900, at=on(2026, 2, 27))
    (first,) = usage_figures(usage_of(customer, open_subscriptions(customer), on(2026, 2, 28)), "EUR")
    assert (first.amount_minor, first.before_minor, first.percent, first.new) == (10000, None, None, 1)
    bill_customer(customer.pk, by=ACTOR, at=on(2026, 3, 1))
    use(subscription, metric, 125, at=on(2026, 3, 2))
    (now,) = usage_figures(usage_of(customer, open_subscriptions(customer), AT), "EUR")
    assert (now.amount_minor, now.before_minor, now.percent) == (1250, 1000, Decimal(25))


def test_the_next_invoice_is_what_the_run_then_bills(customer: Customer) -> None:
    default_tax(customer.organization, "20")
    subscription, metric = metered(customer, on(2026, 3, 1))
    use(subscription, metric, 50, at=on(2026, 3, 2))
    make_wallet(customer, "10", AT)
    moment = next_bill(open_subscriptions(customer), AT)
    assert moment == on(2026, 4, 1)
    (seen,) = preview_next_bill(customer, moment, by=ACTOR)
    # 31.00 fee + 5.00 usage = 36.00, 7.20 tax, 10.00 from the wallet
    assert (seen.total_minor, seen.taxes_minor, seen.credits_minor, seen.due_minor) == (4320, 720, 1000, 3320)
    assert not Invoice.objects.exists(), "nothing was written"
    (real,) = bill_customer(customer.pk, by=ACTOR, at=moment) or []
    assert (real.total_minor, real.wallet_credits_minor) == (seen.due_minor, 1000)


def test_a_draft_is_foreseen_with_the_credits_that_will_be_used(organization: Organization) -> None:
    customer = billed_customer(organization, grace_period_days=3)
    metered(customer, on(2026, 3, 1))
    make_wallet(customer, "10", AT)
    (seen,) = preview_next_bill(customer, on(2026, 4, 1), by=ACTOR)
    assert (seen.invoice.status, seen.total_minor, seen.due_minor) == ("draft", 3100, 2100)


def test_what_is_coming_in_order(customer: Customer, django_assert_num_queries: Any) -> None:
    plan = make_plan(customer.organization, 3100, name="Base")
    subscribe(customer, plan, on(2026, 3, 1))
    subscribe(customer, plan, AT, external_id="late", subscription_at=on(2026, 3, 20), name="Extra")
    wallet = make_wallet(customer, "10", AT)
    WalletLot.objects.filter(wallet=wallet).update(expires_at=on(2026, 3, 18, 9))
    owed(customer, 7, -2)
    owed(customer, 9, 3)  # late already: nothing to come
    subscriptions = open_subscriptions(customer)
    with django_assert_num_queries(1):
        found = coming(customer, subscriptions, AT, everything)
    assert [(item.day.day, item.kind, item.minor) for item in found] == [
        (17, "due", 700),
        (18, "lot", 1000),
        (20, "bill", 0),
        (1, "bill", 0),
    ]
    assert [verb for verb, _ in found[2].moves] == ["start"] and not found[2].money
    assert [verb for verb, _ in found[3].moves] == ["renew"] and found[3].money
    assert [item.kind for item in coming(customer, [], AT, lambda name: name != "wallets.view")] == ["due"]


def test_what_happened_is_newest_first_and_goes_on_without_gaps(
    customer: Customer, django_assert_num_queries: Any
) -> None:
    subscribe(customer, make_plan(customer.organization), AT)
    for _ in range(PAGE):
        record_payment(owed(customer, 10, 3), key="all", by=ACTOR, at=AT)  # all at one moment
    change_mode(customer, "postpaid", reason="Pays well", by=ACTOR, at=AT + timedelta(hours=1))
    note = add_note(customer, "Pays late", by=ACTOR, at=AT)
    type(note).objects.filter(pk=note.pk).update(created_at=AT + timedelta(hours=2))
    seen: list[tuple[str, Any]] = []
    place, pages = "", 0
    while pages == 0 or place:
        with django_assert_num_queries(1):
            found, place = past(customer, everything, read_place(place))
        seen += [(item.kind, item.key) for item in found]
        pages += 1
    assert [kind for kind, _ in seen[:3]] == ["noted", "decided", "paid"]
    assert len(seen) == len(set(seen)) == 2 * PAGE + 4
    kinds = [kind for kind, _ in seen]
    assert (kinds.count("paid"), kinds.count("issued"), kinds.count("decided")) == (PAGE, PAGE, 2)


@pytest.mark.parametrize("text", ["", "x", "2026-01-01~0~x", "2026-01-01T00:00:00~0~" + "0" * 32, "~~"])
def test_a_broken_place_is_the_beginning(text: str) -> None:
    assert read_place(text) is None
