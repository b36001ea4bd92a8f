"""What a period costs: fees by days, usage, taxes, several periods, trials, plans in advance. By hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from billing.models import Organization, Subscription
from billing.rules.errors import Conflict
from invoicing.actions.billing_run import bill_customer, bill_now, bill_start, run
from invoicing.models import Invoice, InvoicedPeriod
from invoicing.rules.states import InvoiceStatus
from tests.factories.catalog import GRADUATED, charge, make_metric
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer, default_tax, make_plan, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def issued() -> list[Invoice]:
    """The finalised invoices in the order of their numbers."""
    return list(Invoice.objects.filter(status=InvoiceStatus.FINALIZED.value).order_by("number"))


def totals() -> list[int]:
    return [invoice.total_minor for invoice in issued()]


def test_a_first_month_in_arrears_is_charged_by_days(organization: Organization) -> None:
    """31.00 a month from 15 January noon: 17 of 31 days are 17.00."""
    subscription = subscribe(
        billed_customer(organization), make_plan(organization, 3100), on(2026, 1, 15, 12)
    )

    run(on(2026, 2, 1))

    invoice = Invoice.objects.get()
    assert (invoice.status, invoice.total_minor, str(invoice.issuing_on)) == ("finalized", 1700, "2026-02-01")
    line = invoice.lines.get()
    assert (line.amount_minor, line.steps[0]["label"]) == (1700, "17 of 31 days")
    subscription.refresh_from_db()
    assert subscription.next_billing_at == on(2026, 3, 1)
    rows = InvoicedPeriod.objects.order_by("kind").values_list("kind", "start", "end", "closing")
    assert list(rows) == [
        ("fee", on(2026, 1, 15), on(2026, 2, 1), False),
        ("usage", on(2026, 1, 15, 12), on(2026, 2, 1), True),
    ]


def test_a_leap_february_has_29_days(organization: Organization) -> None:
    """29.00 from 20 February 2028: 10 of 29 days are 10.00; March in full."""
    subscribe(billed_customer(organization), make_plan(organization, 2900), on(2028, 2, 20))
    run(on(2028, 4, 1))
    assert totals() == [1000, 2900]


def test_a_day_with_a_clock_change_is_one_day(organization: Organization) -> None:
    """Paris, from 29 March 2026 (the day has 23 hours): 3 of 31 days of 31.00."""
    customer = billed_customer(organization, timezone="Europe/Paris")
    subscription = subscribe(customer, make_plan(organization, 3100), on(2026, 3, 28, 23))
    assert subscription.next_billing_at == on(2026, 3, 31, 22)
    run(on(2026, 3, 31, 21, 59))
    assert totals() == []
    run(on(2026, 3, 31, 22))
    assert totals() == [300]
    assert str(issued()[0].issuing_on) == "2026-04-01"


def test_usage_and_tax_of_a_period(organization: Organization) -> None:
    """1,200 units graduated: 1,000 x 0.10 + 200 x 0.05 + 5 = 115.00; with the fee of 31.00 and 20 % tax 175.20."""
    default_tax(organization, "20")
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric, "graduated", GRADUATED))
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    use(subscription, metric, 700, 500, at=on(2026, 1, 31, 23, 59))
    use(subscription, metric, 10, at=on(2026, 2, 1))

    run(on(2026, 2, 1, 0, 5))

    invoice = Invoice.objects.get()
    assert (invoice.lines_minor, invoice.taxes_minor, invoice.total_minor) == (14600, 2920, 17520)
    usage = invoice.lines.get(kind="charge")
    assert (usage.units, usage.amount_minor, usage.events_count) == (1200, 11500, 2)
    assert [step["amount"] for step in usage.steps] == ["100", "15"]
    assert usage.taxes == [{"code": usage.taxes[0]["code"], "name": usage.taxes[0]["name"], "rate": "20"}]


def test_several_taxes_and_the_nearest_level(organization: Organization) -> None:
    """The plan's 10 % + 5 % win over the default 20 %: 10.01 -> 1.00 + 0.50 = round(1.5015) = 1.50."""
    default_tax(organization, "20")
    plan = make_plan(organization, 1001)
    plan.taxes.add(default_tax(organization, "10", name="A"), default_tax(organization, "5", name="B"))
    subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    run(on(2026, 2, 1))
    invoice = Invoice.objects.get()
    assert [(row.name, row.base_minor, row.amount_minor) for row in invoice.tax_rows.all()] == [
        ("A", 1001, 100),
        ("B", 1001, 50),
    ]
    assert invoice.total_minor == 1151


@pytest.mark.parametrize(
    ("currency", "amount", "expected"), [("JPY", 1000, 548), ("KWD", 12345, 6770), ("EUR", 999, 548)]
)
def test_whole_minor_units_of_every_currency(
    organization: Organization, currency: str, amount: int, expected: int
) -> None:
    """17 of 31 days: 1000 x 17/31 = 548.39; 12345 x 17/31 = 6769.8; 999 x 17/31 = 547.8."""
    plan = make_plan(organization, amount, currency=currency)
    subscribe(billed_customer(organization, currency=currency), plan, on(2026, 1, 15))
    run(on(2026, 2, 1))
    assert totals() == [expected]


def test_missed_periods_become_one_invoice_each_in_order(organization: Organization) -> None:
    metric = make_metric(organization)
    plan = make_plan(organization, 1000, charge(metric))
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    for month, value in ((1, 10), (2, 20), (3, 30)):
        use(subscription, metric, value, at=on(2026, month, 10))

    run(on(2026, 4, 2))

    assert totals() == [1100, 1200, 1300]
    assert [str(invoice.period_start.date()) for invoice in issued()] == [
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
    ]
    subscription.refresh_from_db()
    assert subscription.next_billing_at == on(2026, 5, 1)


def test_in_advance_the_next_period_is_paid_for_and_usage_follows(organization: Organization) -> None:
    """10 January: 22 of 31 days of 31.00 at once; on 1 February the fee of February and the usage of January."""
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric), pay_in_advance=True)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 10, 9))
    assert totals() == [2200]
    use(subscription, metric, 50, at=on(2026, 1, 20))

    run(on(2026, 2, 1))

    second = issued()[1]
    assert second.total_minor == 3100 + 500
    lines = [(line.kind, line.period_start, line.period_end) for line in second.lines.all()]
    assert lines == [
        ("subscription", on(2026, 2, 1), on(2026, 3, 1)),
        ("charge", on(2026, 1, 10, 9), on(2026, 2, 1)),
    ]


def test_the_anniversary_in_advance_is_never_prorated(organization: Organization) -> None:
    plan = make_plan(organization, 3100, pay_in_advance=True)
    subscription = subscribe(
        billed_customer(organization), plan, on(2026, 1, 31, 15), billing_time="anniversary"
    )
    run(on(2026, 3, 31))
    assert totals() == [3100, 3100, 3100]
    subscription.refresh_from_db()
    assert subscription.next_billing_at == on(2026, 4, 30)


def test_a_trial_in_advance_is_billed_when_it_ends(organization: Organization) -> None:
    """14 days from 10 January noon end on 24 January noon: 8 begun days of 31 are 8.00."""
    plan = make_plan(organization, 3100, pay_in_advance=True, trial_days=14)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 10, 12))
    run(on(2026, 1, 24, 11, 59))
    assert (totals(), subscription.status) == ([], "trialing")

    run(on(2026, 1, 24, 12))
    run(on(2026, 2, 1))

    subscription.refresh_from_db()
    assert (totals(), subscription.status) == ([800, 3100], "active")


def test_a_trial_longer_than_the_period_is_free_and_then_charged_by_days(organization: Organization) -> None:
    """In arrears, 45 days from 1 January end on 15 February: January nothing, February 14 of 28 days."""
    plan = make_plan(organization, 2800, trial_days=45)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    run(on(2026, 3, 1))
    assert totals() == [1400]
    assert Invoice.objects.filter(status="closed").count() == 1
    subscription.refresh_from_db()
    assert subscription.status == "active"


def test_a_trial_that_ends_with_the_period_bills_the_next_one_once(organization: Organization) -> None:
    plan = make_plan(organization, 3100, pay_in_advance=True, trial_days=31)
    subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    run(on(2026, 2, 1))
    assert totals() == [3100]


def test_a_start_in_the_past_is_billed_by_the_next_run(organization: Organization) -> None:
    plan = make_plan(organization, 3100)
    subscribe(billed_customer(organization), plan, on(2026, 3, 10), subscription_at=on(2026, 1, 16))
    assert totals() == []
    run(on(2026, 3, 10))
    assert totals() == [1600, 3100]


def test_a_pending_subscription_starts_when_its_time_has_come(organization: Organization) -> None:
    plan = make_plan(organization, 3100, pay_in_advance=True)
    subscription = subscribe(
        billed_customer(organization), plan, on(2026, 1, 5), subscription_at=on(2026, 1, 20)
    )
    assert subscription.status == "pending"
    run(on(2026, 1, 19, 23))
    assert totals() == []
    run(on(2026, 1, 20))
    subscription.refresh_from_db()
    assert (subscription.status, totals()) == ("active", [1200])


def test_subscriptions_that_are_due_together_share_an_invoice(organization: Organization) -> None:
    customer = billed_customer(organization)
    for amount in (1000, 500):
        subscribe(customer, make_plan(organization, amount), on(2026, 1, 1))
    other = billed_customer(organization)
    subscribe(other, make_plan(organization, 700), on(2026, 1, 1))
    run(on(2026, 2, 1))
    assert sorted(totals()) == [700, 1500]
    assert Invoice.objects.get(customer=customer).lines.count() == 2


def test_a_minimum_spend_is_made_up_for_the_days_of_the_period(organization: Organization) -> None:
    """20.00 a month from 17 January: 15 of 31 days are 9.677; 2.00 used: 7.68 (7.677) are missing."""
    metric = make_metric(organization)
    plan = make_plan(organization, 0, charge(metric, min_amount_minor=2000))
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 17))
    use(subscription, metric, 20, at=on(2026, 1, 20))
    run(on(2026, 2, 1))
    lines = [(line.kind, line.amount_minor) for line in Invoice.objects.get().lines.all()]
    assert lines == [("charge", 200), ("true_up", 768)]


def test_a_bill_in_between_takes_the_usage_and_leaves_the_fee(organization: Organization) -> None:
    """Bill now on 10 January takes 3.00; the rest, the fee and what the minimum of 20.00 lacks on 1 February."""
    metric = make_metric(organization)
    plan = make_plan(organization, 1000, charge(metric, min_amount_minor=2000))
    customer = billed_customer(organization)
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    use(subscription, metric, 30, at=on(2026, 1, 5))

    bill_now(customer, by=ACTOR, at=on(2026, 1, 10, 12))
    with pytest.raises(Conflict, match="nothing to bill"):
        bill_now(customer, by=ACTOR, at=on(2026, 1, 10, 13))
    use(subscription, metric, 40, at=on(2026, 1, 20))
    run(on(2026, 2, 1))

    assert [[(line.kind, line.amount_minor) for line in row.lines.all()] for row in issued()] == [
        [("charge", 300)],
        [("subscription", 1000), ("charge", 400), ("true_up", 1300)],
    ]


def test_bill_now_makes_a_draft_when_there_is_a_grace_period(organization: Organization) -> None:
    metric = make_metric(organization)
    customer = make_customer(organization, currency="EUR", grace_period_days=2)
    subscription = subscribe(customer, make_plan(organization, 1000, charge(metric)), on(2026, 1, 1))
    use(subscription, metric, 30, at=on(2026, 1, 5))
    draft = bill_now(customer, by=ACTOR, at=on(2026, 1, 10, 12))
    assert (draft.status, draft.total_minor, draft.finalize_at) == ("draft", 300, on(2026, 1, 12))


def test_nothing_used_and_nothing_to_pay_is_closed_without_a_number(organization: Organization) -> None:
    metric = make_metric(organization)
    subscribe(billed_customer(organization), make_plan(organization, 0, charge(metric)), on(2026, 1, 1))
    result = run(on(2026, 2, 1))
    invoice = Invoice.objects.get()
    assert (result.invoices, invoice.status, invoice.number) == (0, "closed", "")
    run(on(2026, 2, 1, 1))
    assert Invoice.objects.count() == 1


def test_a_move_to_another_timezone_bills_no_period_twice(organization: Organization) -> None:
    customer = billed_customer(organization, timezone="Europe/Paris")
    plan = make_plan(organization, 3100, pay_in_advance=True)
    subscription = subscribe(customer, plan, on(2025, 12, 31, 23))
    customer.timezone = "America/Los_Angeles"
    customer.save()
    run(on(2026, 3, 2))
    assert totals() == [3100, 3100, 3100]
    subscription.refresh_from_db()
    assert subscription.next_billing_at == on(2026, 4, 1, 7)


def test_ending_at_ends_and_bills_the_days(organization: Organization) -> None:
    """31.00 a month, ends on 11 January 00:00: 10 of 31 days."""
    subscription = subscribe(
        billed_customer(organization),
        make_plan(organization, 3100),
        on(2026, 1, 1),
        ending_at=on(2026, 1, 11),
    )
    run(on(2026, 1, 12))
    subscription.refresh_from_db()
    assert (subscription.status, subscription.terminated_at, totals()) == (
        "terminated",
        on(2026, 1, 11),
        [1000],
    )


def test_one_customer_only(organization: Organization) -> None:
    first, second = billed_customer(organization), billed_customer(organization)
    for customer in (first, second):
        subscribe(customer, make_plan(organization, 1000), on(2026, 1, 1))
    bill_customer(first.pk, by=ACTOR, at=on(2026, 2, 1) + timedelta(minutes=1))
    assert Invoice.objects.get().customer_id == first.pk


def test_sandbox_organizations_are_billed_by_their_own_clock() -> None:
    sandbox = make_organization(sandbox=True)
    subscribe(billed_customer(sandbox), make_plan(sandbox, 1000), on(2026, 1, 1))
    sandbox.clock_at = on(2026, 1, 15)
    sandbox.save()
    moment: datetime = on(2026, 6, 1)
    run(moment)
    assert totals() == []
    sandbox.clock_at = on(2026, 2, 1)
    sandbox.save()
    run(moment)
    assert (totals(), str(issued()[0].issuing_on)) == ([1000], "2026-02-01")


def test_paused_subscriptions_are_not_billed(organization: Organization) -> None:
    subscription = subscribe(billed_customer(organization), make_plan(organization, 1000), on(2026, 1, 1))
    Subscription.objects.filter(pk=subscription.pk).update(status="paused", paused_at=on(2026, 1, 10))
    run(on(2026, 2, 1))
    assert not Invoice.objects.exists()


def test_the_first_fee_in_advance_is_billed_once(organization: Organization) -> None:
    plan = make_plan(organization, 3100, pay_in_advance=True)
    subscription = subscribe(billed_customer(organization), plan, on(2026, 1, 1))
    assert bill_start(subscription, by=ACTOR, at=on(2026, 1, 2)) is None
    run(on(2026, 1, 3))
    assert totals() == [3100]


def test_a_usage_event_at_the_boundary_belongs_to_the_next_period(organization: Organization) -> None:
    """Paris: 31 January 22:59:59 UTC is still January, 23:00 is February."""
    metric = make_metric(organization)
    customer = billed_customer(organization, timezone="Europe/Paris")
    subscription = subscribe(customer, make_plan(organization, 0, charge(metric)), on(2025, 12, 31, 23))
    use(subscription, metric, 10, at=on(2026, 1, 31, 22, 59))
    use(subscription, metric, 500, at=on(2026, 1, 31, 23))
    run(on(2026, 3, 1))
    assert totals() == [100, 5000]
