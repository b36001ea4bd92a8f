"""Prices in several currencies: what is written, what is refused, and what subscriptions pay. By hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from billing.actions import price_changes
from billing.actions.charge_terms import FilterTerms, PricedIn
from billing.actions.charges import terms_of as terms_of_charge
from billing.actions.plan_prices import PriceTerms, add_price, copied_prices, remove_price, update_price
from billing.actions.plans import create_plan, update_plan
from billing.actions.usage import ingest
from billing.models import (
    AuditEntry,
    ChargePrice,
    EmittedEvent,
    Job,
    Organization,
    Plan,
    PlanPrice,
    PriceChangeRow,
)
from billing.queries.terms import price_book
from billing.queries.usage import charge_usage
from billing.queries.versions import terms_of
from billing.rules.errors import BillingError, Conflict, FieldErrors, Invalid
from customers.actions.assign import assign_plan
from invoicing.actions.billing_run import run
from invoicing.models import Invoice
from tests.factories.catalog import GRADUATED, charge, make_metric
from tests.factories.invoicing import billed_customer, make_plan, on
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.usage import AT, END, START, event, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def priced(organization: Organization, **fields: Any) -> tuple[Plan, PlanPrice]:
    """A plan of 31.00 EUR or 3,000 JPY with usage at 0.10 EUR or 15 JPY."""
    metric = make_metric(organization, "calls")
    plan = make_plan(organization, 3100, charge(metric), **fields)
    yen = PriceTerms("JPY", 3000, 0, {plan.charges.get().pk: PricedIn({"amount": "15"})})
    return plan, add_price(plan, yen, by=ACTOR, at=NOW)


def test_a_price_is_written_with_its_charges_and_told(organization: Organization) -> None:
    plan, price = priced(organization)
    row = ChargePrice.objects.get()
    assert (price.currency, price.amount_minor, row.currency, row.properties) == (
        "JPY",
        3000,
        "JPY",
        {"amount": "15"},
    )
    book = price_book(plan)
    assert book.sold_in == ["EUR", "JPY"]
    entry = AuditEntry.objects.get(action="plan.price_added")
    assert entry.changes["price in JPY"] == [None, {"currency": "JPY", "amount_minor": 3000}]
    told = EmittedEvent.objects.get(name="plan.updated").data
    assert [(one["currency"], one["amount"]) for one in told["prices"]] == [("EUR", 31), ("JPY", 3000)]


def test_what_makes_no_sense_is_named_and_changes_nothing(organization: Organization) -> None:
    plan, price = priced(organization)
    with pytest.raises(Conflict, match="has a price in JPY already"):
        add_price(plan, PriceTerms("JPY"), by=ACTOR, at=NOW)
    with pytest.raises(Conflict, match="has a price in EUR already"):
        add_price(plan, PriceTerms("EUR"), by=ACTOR, at=NOW)
    with pytest.raises(Invalid, match="ISO 4217"):
        add_price(plan, PriceTerms("XYZ"), by=ACTOR, at=NOW)
    key = plan.charges.get().pk
    with pytest.raises(FieldErrors) as refused:
        wrong = PriceTerms("JPY", -1, 0, {key: PricedIn({"amount": "x"}, -1), price.pk: PricedIn()})
        update_price(price, wrong, by=ACTOR, at=NOW)
    assert [name for name, _ in refused.value.errors] == [
        "amount_minor",
        "charges[0].minAmount",
        "charges[0].properties.amount",
        "charges[1].chargeId",
    ]
    assert PlanPrice.objects.get().amount_minor == 3000
    with pytest.raises(Conflict) as taken:
        update_plan(plan, {"currency": "JPY", "amount_minor": 1}, by=ACTOR, at=NOW)
    assert (taken.value.code, taken.value.field) == ("price_exists", "currency")


def test_the_same_change_twice_is_one_line_in_the_trail(organization: Organization) -> None:
    _, price = priced(organization)
    for _ in range(2):
        update_price(price, PriceTerms("JPY", 3300), by=ACTOR, at=NOW)
    assert AuditEntry.objects.filter(action="plan.price_changed").count() == 1
    assert ChargePrice.objects.get().properties == {"amount": "15"}


def test_a_customer_is_billed_in_the_price_of_its_currency(organization: Organization) -> None:
    """3,000 JPY and 20 x 15; the minimum of 500 JPY lacks 200. The customer in EUR pays 31.00 and 2.00."""
    plan, price = priced(organization)
    key = plan.charges.get().pk
    least = PriceTerms("JPY", 3000, 0, {key: PricedIn({"amount": "15"}, 500)})
    update_price(price, least, by=ACTOR, at=NOW)
    metric = plan.charges.get().metric
    for currency in ("EUR", "JPY"):
        customer = billed_customer(organization, currency=currency)
        subscription = assign_plan(customer, plan, by=ACTOR, at=on(2026, 1, 1))
        assert (subscription.currency, subscription.amount_minor) == (
            currency,
            {"EUR": 3100, "JPY": 3000}[currency],
        )
        use(subscription, metric, 20, at=on(2026, 1, 5))
    run(on(2026, 2, 1))
    lines = {
        invoice.currency: [(line.kind, line.amount_minor) for line in invoice.lines.all()]
        for invoice in Invoice.objects.all()
    }
    assert lines == {
        "EUR": [("subscription", 3100), ("charge", 200)],
        "JPY": [("subscription", 3000), ("charge", 300), ("true_up", 200)],
    }


def test_a_customer_without_a_price_in_its_currency_is_refused(organization: Organization) -> None:
    plan, _ = priced(organization)
    customer = billed_customer(organization, currency="JPY")
    assign_plan(customer, plan, by=ACTOR, at=on(2026, 1, 1))
    other = make_plan(organization, 100, name="Only euro")
    with pytest.raises(Invalid, match="Only euro has no price in JPY, only in EUR") as refused:
        assign_plan(customer, other, by=ACTOR, at=on(2026, 1, 1))
    assert (refused.value.code, refused.value.field) == ("price_not_found", "plan")
    with pytest.raises(Invalid, match="which is fixed since") as refused:
        assign_plan(customer, plan, currency="EUR", by=ACTOR, at=on(2026, 1, 1))
    assert refused.value.field == "currency"
    fresh = billed_customer(organization, currency="USD")
    with pytest.raises(Invalid, match="has no price in USD") as refused:
        assign_plan(fresh, plan, currency="USD", by=ACTOR, at=on(2026, 1, 1))
    assert refused.value.field == "currency"
    chosen = assign_plan(fresh, plan, currency="JPY", by=ACTOR, at=on(2026, 1, 1))
    fresh.refresh_from_db()
    assert (chosen.currency, fresh.currency) == ("JPY", "JPY")
    assert customer.subscriptions.count() == 1


def test_a_charge_without_a_price_keeps_the_plan_from_being_sold(organization: Organization) -> None:
    plan = make_plan(organization, 3100, charge(make_metric(organization, "calls")))
    add_price(plan, PriceTerms("JPY", 3000), by=ACTOR, at=NOW)
    customer = billed_customer(organization, currency="JPY")
    subscription = assign_plan(customer, plan, by=ACTOR, at=on(2026, 1, 1))
    assert subscription.currency == "EUR"
    with pytest.raises(Invalid, match="not fully priced in JPY: Calls has no price there"):
        assign_plan(
            billed_customer(organization, currency="JPY"), plan, currency="JPY", by=ACTOR, at=on(2026, 1, 1)
        )


def test_another_model_drops_the_prices_but_those_who_pay_them_keep_them(organization: Organization) -> None:
    """Their old prices are a version: the job says that the new ones are missing in JPY, bills go on as before."""
    plan, _ = priced(organization)
    row = plan.charges.get()
    tiered = charge(row.metric, "graduated", GRADUATED, id=row.pk)
    subscription = assign_plan(
        billed_customer(organization, currency="JPY"), plan, by=ACTOR, at=on(2026, 1, 1)
    )
    update_plan(plan, {}, charges=[tiered], by=ACTOR, at=NOW)
    price_changes.carry_out(Job.objects.get(task=price_changes.TASK))
    assert not ChargePrice.objects.exists()
    assert [charge.pk for charge in price_book(plan).missing("JPY")] == [row.pk]
    subscription.refresh_from_db()
    [kept] = terms_of(subscription, NOW).charges
    assert (kept.charge_model, kept.properties) == ("standard", {"amount": "15"})
    assert [row.outcome for row in PriceChangeRow.objects.all()] == ["failed"]


def test_a_used_price_stays_and_an_unused_one_goes(organization: Organization) -> None:
    plan, price = priced(organization)
    assign_plan(billed_customer(organization, currency="JPY"), plan, by=ACTOR, at=on(2026, 1, 1))
    with pytest.raises(Conflict, match="1 subscription is or was billed in JPY"):
        remove_price(price, by=ACTOR, at=NOW)
    dollars = add_price(plan, PriceTerms("USD", 3500), by=ACTOR, at=NOW)
    remove_price(dollars, by=ACTOR, at=NOW)
    assert price_book(plan).currencies == ["EUR", "JPY"]
    assert ChargePrice.objects.count() == 1


def test_a_plan_comes_with_prices_and_a_copy_takes_them_along(organization: Organization) -> None:
    metric = make_metric(organization, "calls")
    terms = charge(metric, prices={"JPY": PricedIn({"amount": "15"}, 500)})
    plan = make_plan(organization, 3100, terms, prices=[PriceTerms("JPY", 3000, 9000)])
    copy = create_plan(
        organization,
        name="Copy",
        code="copy",
        currency="EUR",
        charges=[charge(metric)],
        source=plan,
        by=ACTOR,
        at=NOW,
    )
    for row in (plan, copy):
        found = price_book(row).terms("JPY")
        assert (found.amount_minor, found.commitment_minor) == (3000, 9000)
        assert [(one.properties, one.min_amount_minor) for one in found.charges] == [({"amount": "15"}, 500)]
    with pytest.raises(BillingError) as refused:
        make_plan(organization, 1, charge(metric, prices={"USD": PricedIn({"amount": "1"})}))
    assert [name for name, _ in refused.value.errors] == ["charges[0].prices[0].currency"]  # type: ignore[attr-defined]


def test_terms_follow_the_subscription(organization: Organization) -> None:
    plan, price = priced(organization)
    subscription = assign_plan(
        billed_customer(organization, currency="JPY"), plan, by=ACTOR, at=on(2026, 1, 1)
    )
    update_price(price, PriceTerms("JPY", 3300), by=ACTOR, at=NOW)
    price_changes.carry_out(Job.objects.get(task=price_changes.TASK))
    subscription.refresh_from_db()
    assert (subscription.amount_minor, terms_of(subscription, NOW).amount_minor) == (3300, 3300)


def test_filters_have_prices_in_other_currencies_and_cost_what_the_charge_does_without(
    organization: Organization,
) -> None:
    """USD: eu at 5, us has no price of its own, so it costs 3 like the rest. 2 eu and 4 us: 10 + 12."""
    metric = make_metric(organization, filters=[{"key": "region", "values": ["eu", "us"]}])
    rows = [FilterTerms({"region": [one]}, {"amount": "2"}) for one in ("eu", "us")]
    plan = make_plan(organization, 0, charge(metric, properties={"amount": "1"}, filters=rows))
    row = plan.charges.get()
    priced = PricedIn({"amount": "3"}, filters=[FilterTerms({"region": ["eu"]}, {"amount": "5"})])
    add_price(plan, PriceTerms("USD", charges={row.pk: priced}), by=ACTOR, at=NOW)
    customer = billed_customer(organization, currency="USD")
    subscription = assign_plan(customer, plan, by=ACTOR, at=START)
    sent = [event(subscription, metric, value, region=region) for region, value in (("eu", 2), ("us", 4))]
    ingest(organization, sent, at=AT)
    [item] = charge_usage(subscription, START, END)
    assert [(part.label, part.amount_minor) for part in item.parts] == [("eu", 1000), ("", 1200)]
    unknown = PricedIn({"amount": "3"}, filters=[FilterTerms({"region": ["asia"]}, {"amount": "x"})])
    with pytest.raises(FieldErrors) as caught:
        update_price(plan.prices.get(), PriceTerms("USD", charges={row.pk: unknown}), by=ACTOR, at=NOW)
    assert [name for name, _ in caught.value.errors] == [
        "charges[0].filters[0].values",
        "charges[0].filters[0].properties.amount",
    ]
    copy = copied_prices(plan, create_copy(plan))
    assert next(iter(copy[0].charges.values())).filters == priced.filters


def create_copy(plan: Plan) -> Plan:
    """A plan with the same charges."""
    rows = [replace(terms_of_charge(row), id=None) for row in plan.charges.kept()]
    return make_plan(plan.organization, 0, *rows)
