"""Charges in advance: a fee for each event, on an invoice of its own or gathered by the period's. By hand."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Sum

from billing.actions import later, price_changes
from billing.actions.alerts import AlertTerms, save_alert
from billing.actions.charge_terms import FilterTerms
from billing.actions.pauses import pause_subscription
from billing.actions.plans import update_plan
from billing.actions.subscriptions import lock_subscription
from billing.actions.usage import ingest
from billing.models import (
    AdvanceEvent,
    AdvanceFee,
    AlertCrossing,
    Charge,
    Job,
    Metric,
    Organization,
    Plan,
    Subscription,
)
from billing.queries.usage import current_usage
from billing.rules.errors import FieldErrors
from customers.models import Customer
from invoicing import tasks
from invoicing.actions import advance, usage_watch
from invoicing.actions.billing_run import bill_customer, bill_now, run
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.pauses import resume_subscription
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.preview import preview_next_bill
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.void import void_invoice
from invoicing.documents.wording import step_words
from invoicing.models import Invoice, InvoiceLine
from invoicing.queries.progressive import lifetime_usage
from invoicing.queries.running_commitment import running_commitment
from invoicing.rules.termination import Ending
from tests.factories.catalog import GRADUATED, charge, make_metric
from tests.factories.invoicing import (
    billed_customer,
    default_tax,
    give_coupon,
    make_plan,
    make_wallet,
    on,
    subscribe,
)
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import event, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def customer(organization: Organization) -> Customer:
    return billed_customer(organization)


def plan_of(metric: Metric, model: str = "standard", properties: Any = None, **fields: Any) -> Plan:
    terms = charge(metric, model, properties or {"amount": "2"}, pay_in_advance=True, **fields)
    return make_plan(metric.organization, 0, terms)


def send(row: Subscription, metric: Metric, value: Any, at: datetime, **properties: Any) -> None:
    ingest(row.organization, [event(row, metric, value, at=at, **properties)], at=at)


def fees() -> list[tuple[str, int]]:
    """(units that were billed, minor units) of each fee, in the order in which they were made."""
    rows = AdvanceFee.objects.order_by("pk")
    return [(f"{row.billed_units.normalize():f}", row.amount_minor) for row in rows]


def invoices() -> list[tuple[str, int]]:
    """(type, total) of each issued invoice in the order of their numbers."""
    rows = Invoice.objects.exclude(number="").order_by("finalized_at", "pk")
    return [(row.type, row.total_minor) for row in rows]


VOLUME = {"volumeRanges": [{"fromValue": 0, "toValue": None, "perUnitAmount": "1", "flatAmount": "0"}]}
G = {
    "graduatedRanges": [
        {"fromValue": 0, "toValue": 10, "perUnitAmount": "1", "flatAmount": "5"},
        {"fromValue": 11, "toValue": 20, "perUnitAmount": "0.5", "flatAmount": "2"},
        {"fromValue": 21, "toValue": None, "perUnitAmount": "0.1", "flatAmount": "0"},
    ]
}
PACKAGE = {"amount": "3", "packageSize": 10, "freeUnits": 5}
PERCENT = {"rate": "10", "fixedAmount": "1", "freeUnitsPerEvents": 2}
TABLE: list[tuple[str, Any, str, list[Any], list[int]]] = [
    ("standard", {"amount": "2"}, "count", [None, None], [200, 200]),
    ("standard", {"amount": "2"}, "sum", [3, 0, -2, 1, 4], [600, 0, 0, 0, 600]),  # 3, then 6 is 3 above
    ("standard", {"amount": "0.004"}, "sum", [1, 2], [0, 1]),  # each fee is rounded by itself
    ("graduated", G, "sum", [10, 1, 9, 1], [1500, 250, 450, 10]),  # the very edges of the tiers
    ("graduated", G, "sum", [8, 15], [1300, 200 + 200 + 500 + 30]),  # one event over three tiers
    ("package", PACKAGE, "sum", [5, 1, 9, 1, 30], [0, 300, 0, 300, 900]),
    ("percentage", PERCENT, "sum", [100, 50, 20, 30], [0, 0, 300, 400]),
    ("percentage", {"rate": "10", "freeUnitsPerTotalAggregation": "60"}, "sum", [50, 30, 10], [0, 200, 100]),
    ("percentage", {"rate": "1", "perTransactionMinAmount": "2"}, "sum", [50, 1000], [200, 1000]),
    (
        "graduated_percentage",
        {
            "graduatedPercentageRanges": [
                {"fromValue": 0, "toValue": 100, "rate": "10", "flatAmount": "1"},
                {"fromValue": 101, "toValue": None, "rate": "5", "flatAmount": "0"},
            ]
        },
        "sum",
        [80, 40],
        [900, 300],
    ),
]


def test_each_event_costs_what_it_adds(organization: Organization) -> None:
    for line in TABLE:
        check(billed_customer(organization), *line)


def check(
    customer: Customer, model: str, properties: Any, kind: str, values: list[Any], amounts: list[int]
) -> None:
    """The fees of events, each billed as it comes, and that nothing is left for the period."""
    metric = make_metric(customer.organization, aggregation=kind)
    row = subscribe(customer, plan_of(metric, model, properties), on(2026, 3, 1))
    for at, value in enumerate(values):
        use(row, metric, value, at=on(2026, 3, 2 + at, 9))
        advance.run(at=on(2026, 3, 2 + at, 10))
    own = AdvanceFee.objects.filter(subscription=row).order_by("pk")
    assert [fee.amount_minor for fee in own] == amounts, (model, properties)
    asked = Invoice.objects.filter(customer=customer, type="advance_charges").order_by("pk")
    assert [invoice.total_minor for invoice in asked] == [minor for minor in amounts if minor]
    assert not AdvanceEvent.objects.exists()
    bill_customer(customer.pk, by=ACTOR, at=on(2026, 4, 1))  # the period has nothing left to ask for
    assert not Invoice.objects.filter(customer=customer).exclude(number="").exclude(pk__in=asked).exists()
    report = current_usage(row, on(2026, 3, 20), window=(on(2026, 3, 1), on(2026, 4, 1)))
    assert (report.amount_minor, report.paid_minor) == (sum(amounts), sum(amounts))


def test_items_come_go_and_come_again(customer: Customer) -> None:
    metric = make_metric(customer.organization, aggregation="unique_count")
    row = subscribe(customer, plan_of(metric), on(2026, 3, 1))
    told = [
        ("a", 3, False),
        ("b", 4, False),
        ("a", 5, True),
        ("a", 6, False),
        ("c", 7, False),
        ("b", 4, False),
    ]
    for item, day, removes in told:
        extra = {"operation_type": "remove"} if removes else {}
        send(row, metric, item, on(2026, 3, day, 9), **extra)
        advance.run(at=on(2026, 3, 8))
    # The second "b" is a repeat; "a" that comes back is paid for until the period ends.
    assert fees() == [("1", 200), ("1", 200), ("0", 0), ("0", 0), ("1", 200), ("0", 0)]
    send(row, metric, "c", on(2026, 3, 6), operation_type="remove")  # late: before it came
    advance.run(at=on(2026, 3, 9))
    assert AdvanceFee.objects.latest("pk").current == 3
    assert current_usage(row, on(2026, 3, 9)).charges[0].units == 3


def test_late_events_and_one_batch_come_to_the_same_sum(customer: Customer) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(customer, plan_of(metric, "graduated", G), on(2026, 3, 1))
    for day, value in ((20, 8), (10, 4), (15, 9)):
        use(row, metric, value, at=on(2026, 3, day))
        advance.run(at=on(2026, 3, 21))
    late = sum(minor for _, minor in fees())
    other = subscribe(billed_customer(customer.organization), row.plan, on(2026, 3, 1))
    sent = [event(other, metric, value, at=on(2026, 3, day)) for day, value in ((20, 8), (10, 4), (15, 9))]
    ingest(customer.organization, [*sent, *sent], at=on(2026, 3, 21))  # every event twice
    advance.run(at=on(2026, 3, 21))
    own = AdvanceFee.objects.filter(subscription=other).order_by("pk")
    assert [fee.timestamp.day for fee in own] == [10, 15, 20]
    assert own.aggregate(total=Sum("amount_minor"))["total"] == late == 1500 + 700 + 10


def test_filters_groups_taxes_coupons_and_credits(customer: Customer) -> None:
    organization = customer.organization
    default_tax(organization)
    metric = make_metric(organization, filters=[{"key": "region", "values": ["eu", "us"]}])
    chosen = [FilterTerms({"region": ["eu"]}, {"amount": "5"})]
    row = subscribe(customer, plan_of(metric, filters=chosen, group_keys=["user"]), on(2026, 3, 1))
    give_coupon(customer, on(2026, 3, 1), percentage=Decimal(10), frequency="forever")
    wallet = make_wallet(customer, "3", on(2026, 3, 1))
    send(row, metric, 2, on(2026, 3, 2), region="eu", user="ada")
    send(row, metric, 2, on(2026, 3, 2), region="us")
    advance.run(at=on(2026, 3, 2))
    first, second = Invoice.objects.exclude(number="").order_by("pk")
    assert (first.lines_minor, first.coupons_minor, first.taxes_minor) == (1000, 100, 180)
    assert (first.wallet_credits_minor, first.total_minor, second.total_minor) == (300, 780, 432)
    wallet.refresh_from_db()
    assert wallet.balance_minor == 0
    names = list(InvoiceLine.objects.order_by("pk").values_list("description", flat=True))
    assert names == [f"{metric.name} · eu · ada", f"{metric.name} · no user"]
    parts = {part.label: part.paid_minor for part in current_usage(row, on(2026, 3, 3)).charges[0].parts}
    assert parts == {"eu · ada": 1000, "no user": 400}


def test_gathered_fees_stand_on_the_periods_invoice_once(customer: Customer) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(
        customer, plan_of(metric, properties={"amount": "0.333"}, invoiceable=False), on(2026, 3, 1)
    )
    for day in (2, 3, 4):
        use(row, metric, 1, at=on(2026, 3, day))
    advance.run(at=on(2026, 3, 5))
    assert invoices() == []
    report = current_usage(row, on(2026, 3, 6))
    assert (report.amount_minor, report.paid_minor) == (100, 0)  # 0.999, rounded once
    bill_now(customer, by=ACTOR, at=on(2026, 3, 10))
    use(row, metric, 2, at=on(2026, 3, 9))  # late: its days are billed, so it goes to the next invoice
    use(row, metric, 3, at=on(2026, 3, 20))  # nobody has billed it when the period ends
    run(on(2026, 4, 1))
    assert invoices() == [("subscription", 100), ("subscription", 167)]
    lines = InvoiceLine.objects.order_by("pk")
    assert [(line.units, line.events_count) for line in lines] == [(3, 3), (5, 2)]
    assert step_words(lines[0].steps[0]["label"], "de") == "Ereignis für Ereignis abgerechnet"
    use(row, metric, 1, at=on(2026, 3, 31))
    advance.run(at=on(2026, 4, 2))
    run(on(2026, 5, 1))
    assert invoices()[2:] == [("subscription", 33)]
    assert lifetime_usage(row, 0, []).total == 0  # thresholds look at what is paid afterwards


def test_a_draft_takes_late_events_of_its_days_in(organization: Organization) -> None:
    customer = billed_customer(organization, grace_period_days=3)
    metric = make_metric(organization)
    row = subscribe(customer, plan_of(metric, invoiceable=False), on(2026, 3, 1))
    use(row, metric, 1, at=on(2026, 3, 2))
    run(on(2026, 4, 1))
    use(row, metric, 2, at=on(2026, 3, 31))
    advance.run(at=on(2026, 4, 2))
    finalize_invoice(Invoice.objects.get(), by=ACTOR, at=on(2026, 4, 3))
    assert invoices() == [("subscription", 600)]
    assert terminate_subscription(row, Ending(invoice=False), by=ACTOR, at=on(2026, 4, 5)).invoice is None


@pytest.mark.parametrize("invoice", [True, False])
def test_an_end_gathers_what_is_left(customer: Customer, invoice: bool) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(customer, plan_of(metric, invoiceable=False), on(2026, 3, 1))
    use(row, metric, 4, at=on(2026, 3, 2))
    terminate_subscription(row, Ending(invoice=invoice), by=ACTOR, at=on(2026, 3, 10))
    assert invoices() == [("subscription" if invoice else "advance_charges", 800)]
    use(row, metric, 1, at=on(2026, 3, 5))  # after the end, for a day before it: an invoice of its own
    advance.run(at=on(2026, 3, 11))
    advance.run(at=on(2026, 3, 12))
    assert invoices()[1:] == [("advance_charges", 200)]


def test_what_stays_in_use_is_billed_again_with_each_period(customer: Customer) -> None:
    metric = make_metric(customer.organization, recurring=True)
    row = subscribe(customer, plan_of(metric, properties={"amount": "31"}, prorated=True), on(2026, 3, 1))
    use(row, metric, 2, at=on(2026, 3, 22))  # 10 of 31 days
    use(row, metric, -1, at=on(2026, 3, 25))
    advance.run(at=on(2026, 3, 25))
    assert fees() == [("2", 2000), ("0", 0)]
    run(on(2026, 4, 1))
    use(row, metric, 1, at=on(2026, 4, 16))  # 15 of 30 days, on top of the one that was billed
    advance.run(at=on(2026, 4, 16))
    assert invoices() == [("advance_charges", 2000), ("subscription", 3100), ("advance_charges", 1550)]
    row.refresh_from_db()
    report = current_usage(row, on(2026, 4, 17))
    assert (report.charges[0].units, report.amount_minor, report.paid_minor) == (2, 4650, 4650)
    terminate_subscription(row, by=ACTOR, at=on(2026, 4, 20))
    assert len(invoices()) == 3


def test_tiers_go_on_above_what_was_carried_over(customer: Customer) -> None:
    metric = make_metric(customer.organization, recurring=True)
    row = subscribe(customer, plan_of(metric, "graduated", G), on(2026, 3, 1))
    use(row, metric, 9, at=on(2026, 3, 2))
    advance.run(at=on(2026, 3, 2))
    run(on(2026, 4, 1))
    use(row, metric, 2, at=on(2026, 4, 2))  # the tenth unit at 1, the eleventh at 0.50 and 2 flat
    advance.run(at=on(2026, 4, 2))
    assert invoices() == [("advance_charges", 1400), ("subscription", 1400), ("advance_charges", 350)]


def test_a_change_of_plan_asks_nothing_twice(customer: Customer) -> None:
    metric = make_metric(customer.organization, recurring=True)
    row = subscribe(customer, plan_of(metric), on(2026, 3, 1))
    use(row, metric, 3, at=on(2026, 3, 2))
    changed = change_plan(row, plan_of(metric, properties={"amount": "4"}), by=ACTOR, at=on(2026, 3, 10))
    assert invoices() == [("advance_charges", 600)]
    use(changed.subscription, metric, 1, at=on(2026, 3, 12))
    advance.run(at=on(2026, 3, 12))
    run(on(2026, 4, 1))
    assert invoices()[1:] == [("advance_charges", 400), ("subscription", 1600)]


def test_a_paused_subscription_is_billed_when_it_goes_on(customer: Customer) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(customer, plan_of(metric), on(2026, 3, 1))
    pause_subscription(row, by=ACTOR, at=on(2026, 3, 5))
    use(row, metric, 1, at=on(2026, 3, 6))
    assert advance.run(at=on(2026, 3, 6)) == []
    assert invoices() == []
    row.refresh_from_db()
    resume_subscription(row, by=ACTOR, at=on(2026, 3, 8))
    advance.run(at=on(2026, 3, 8))
    assert invoices() == [("advance_charges", 200)]


def test_a_voided_invoice_is_not_asked_for_again(customer: Customer) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(customer, plan_of(metric), on(2026, 3, 1))
    use(row, metric, 1, at=on(2026, 3, 2))
    advance.run(at=on(2026, 3, 2))
    void_invoice(Invoice.objects.get(), by=ACTOR, at=on(2026, 3, 3))
    advance.run(at=on(2026, 3, 3))
    run(on(2026, 4, 1))
    assert invoices() == [("advance_charges", 200)]
    assert AdvanceFee.objects.get().invoice.status == "voided"


def test_what_fails_is_held_in_order_and_can_be_run_again(customer: Customer) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(customer, plan_of(metric), on(2026, 3, 1))
    broken = row.plan.charges.get()
    type(broken).objects.filter(pk=broken.pk).update(properties={"amount": "not a number"})
    use(row, metric, 1, at=on(2026, 3, 2))
    assert len(advance.run(at=on(2026, 3, 2))) == 1
    use(row, metric, 2, at=on(2026, 3, 3))
    assert advance.run(at=on(2026, 3, 3)) == []  # it waits behind the one that failed
    job = Job.objects.get(task="invoicing.bill_events")
    tasks.bill_events(str(job.pk))
    job.refresh_from_db()
    assert (job.state, bool(job.error), fees()) == ("failed", True, [])
    type(broken).objects.filter(pk=broken.pk).update(properties={"amount": "2"})
    later.run_again(job)
    tasks.bill_events(str(job.pk))
    job.refresh_from_db()
    assert (job.state, fees()) == ("succeeded", [("1", 200), ("2", 400)])


def test_a_bill_heals_what_failed_and_goes_on_without_what_fails(customer: Customer) -> None:
    metric, other = make_metric(customer.organization), make_metric(customer.organization)
    terms = [charge(metric, properties={"amount": "2"}, pay_in_advance=True), charge(other)]
    row = subscribe(customer, make_plan(customer.organization, 3100, *terms), on(2026, 3, 1))
    priced = Charge.objects.filter(metric=metric)
    priced.update(properties={"amount": "not a number"})
    use(row, metric, 1, at=on(2026, 3, 2))
    run(on(2026, 4, 1))
    assert invoices() == [("subscription", 3100)]
    job = Job.objects.get(task="invoicing.bill_events")
    Job.objects.filter(pk=job.pk).update(state="failed")
    priced.update(properties={"amount": "2"})
    use(row, metric, 1, at=on(2026, 4, 2))
    terminate_subscription(row, by=ACTOR, at=on(2026, 4, 3))
    job.refresh_from_db()
    assert (job.state, fees()) == ("succeeded", [("1", 200), ("1", 200)])


def test_a_minimum_commitment_counts_what_was_billed_in_advance(customer: Customer) -> None:
    metric, other = make_metric(customer.organization), make_metric(customer.organization)
    terms = [
        charge(metric, properties={"amount": "2"}, pay_in_advance=True),
        charge(other, properties={"amount": "3"}, pay_in_advance=True, invoiceable=False),
    ]
    plan = make_plan(customer.organization, 0, *terms, commitment_minor=5000)
    row = subscribe(customer, plan, on(2026, 3, 1))
    use(row, metric, 4, at=on(2026, 3, 2))
    use(row, other, 5, at=on(2026, 3, 3))
    advance.run(at=on(2026, 3, 4))
    row.refresh_from_db()
    promised = running_commitment(row, on(2026, 3, 4))
    assert promised is not None
    assert (promised.billed_minor, promised.missing_minor) == (2300, 2700)
    run(on(2026, 4, 1))
    assert invoices() == [("advance_charges", 800), ("subscription", 1500 + 2700)]


def test_an_alert_sees_what_was_billed(customer: Customer) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(customer, plan_of(metric), on(2026, 3, 1))
    terms = AlertTerms("current_usage_amount", "five", steps=((Decimal(5), ""),))
    save_alert(row, terms, by=ACTOR, at=on(2026, 3, 1))
    use(row, metric, 4, at=on(2026, 3, 2))
    usage_watch.run(at=on(2026, 3, 2))
    advance.run(at=on(2026, 3, 2))
    usage_watch.run(at=on(2026, 3, 2))
    assert AlertCrossing.objects.count() == 1


def test_an_event_pays_the_price_of_its_time(customer: Customer) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(customer, plan_of(metric, "graduated", G), on(2026, 3, 1))
    use(row, metric, 9, at=on(2026, 3, 2))
    advance.run(at=on(2026, 3, 2))
    kept = row.plan.charges.get()
    properties = json.loads(json.dumps(G).replace('"0.5"', '"1.5"'))
    dearer = charge(metric, "graduated", properties, id=kept.pk, pay_in_advance=True)
    update_plan(row.plan, {}, charges=[dearer], follow="now", by=ACTOR, at=on(2026, 3, 10))
    price_changes.carry_out(Job.objects.get(task=price_changes.TASK))
    use(row, metric, 3, at=on(2026, 3, 11))
    advance.run(at=on(2026, 3, 11))
    assert fees() == [("9", 1400), ("3", 100 + 200 + 300)]


@pytest.mark.parametrize(
    ("kind", "model", "properties", "fields", "field"),
    [
        (
            "sum",
            "volume",
            VOLUME,
            {},
            "payInAdvance",
        ),
        ("max", "standard", None, {}, "payInAdvance"),
        ("latest", "standard", None, {}, "payInAdvance"),
        ("weighted_sum", "standard", None, {}, "payInAdvance"),
        ("sum", "standard", None, {"min_amount_minor": 100}, "minAmount"),
        ("sum", "standard", None, {"prorated": True}, "prorated"),
        ("sum", "graduated", GRADUATED, {"prorated": True, "recurring": True}, "prorated"),
        ("sum", "standard", None, {"pay_in_advance": False, "invoiceable": False}, "invoiceable"),
    ],
)
def test_what_cannot_be_billed_in_advance_is_refused_at_its_field(
    organization: Organization, kind: str, model: str, properties: Any, fields: dict[str, Any], field: str
) -> None:
    metric = make_metric(organization, aggregation=kind, recurring=fields.pop("recurring", False))
    terms = charge(metric, model, properties, **({"pay_in_advance": True} | fields))
    with pytest.raises(FieldErrors) as refused:
        make_plan(organization, 0, terms)
    assert [name for name, _ in refused.value.errors] == [f"charges[0].{field}"]


@pytest.mark.django_db(transaction=True)
def test_eight_workers_make_one_fee_of_each_event() -> None:
    organization = make_organization()
    metric = make_metric(organization)
    row: Subscription = subscribe(billed_customer(organization), plan_of(metric), on(2026, 3, 1))
    sent = [event(row, metric, 1, at=on(2026, 3, 2, hour)) for hour in range(12)]
    ingest(organization, sent, at=on(2026, 3, 3))
    failed: list[Exception] = []

    def work() -> None:
        try:
            advance.bill_all(row.pk, at=on(2026, 3, 3))
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    assert fees() == [("1", 200)] * 12
    assert invoices() == [("advance_charges", 200)] * 12
    assert sorted(AdvanceFee.objects.values_list("position", flat=True)) == list(range(1, 13))


@pytest.mark.django_db(transaction=True)
def test_taking_in_events_does_not_wait_for_a_bill() -> None:
    organization = make_organization()
    metric = make_metric(organization)
    row: Subscription = subscribe(billed_customer(organization), plan_of(metric), on(2026, 3, 1))
    use(row, metric, 1, at=on(2026, 3, 2))  # the roll-up of the hour is there
    outcome: list[Any] = []

    def send_one() -> None:
        try:
            with connections["default"].cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            outcome.append(use(row, metric, 1, at=on(2026, 3, 2))[0].status)
        except Exception as error:
            outcome.append(error)
        finally:
            connections.close_all()

    with transaction.atomic():
        lock_subscription(row)
        sender = threading.Thread(target=send_one)
        sender.start()
        sender.join()
    assert outcome == ["accepted"]
    assert AdvanceEvent.objects.count() == 2


def test_a_preview_bills_what_waits_and_takes_it_back(customer: Customer) -> None:
    metric = make_metric(customer.organization)
    row = subscribe(customer, plan_of(metric, invoiceable=False), on(2026, 3, 1))
    use(row, metric, 4, at=on(2026, 3, 2))
    [found] = preview_next_bill(customer, on(2026, 4, 1), by=ACTOR)
    assert found.total_minor == 800
    assert (fees(), AdvanceEvent.objects.count(), invoices()) == ([], 1, [])


def test_months_of_a_yearly_plan_begin_with_what_stays_in_use(customer: Customer) -> None:
    metric = make_metric(customer.organization, recurring=True)
    terms = charge(metric, properties={"amount": "31"}, pay_in_advance=True, prorated=True)
    plan = make_plan(customer.organization, 0, terms, interval="yearly", bill_charges_monthly=True)
    row = subscribe(customer, plan, on(2026, 1, 1))
    use(row, metric, 2, at=on(2026, 1, 22))  # 10 of 31 days of the month
    advance.run(at=on(2026, 1, 22))
    run(on(2026, 2, 1))
    use(row, metric, 1, at=on(2026, 2, 15))  # half of February
    advance.run(at=on(2026, 2, 15))
    run(on(2026, 3, 1))
    assert [minor for _, minor in invoices()] == [2000, 6200, 1550, 9300]
