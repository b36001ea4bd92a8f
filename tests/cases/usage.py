"""Usage scenarios: events come, current usage is read, invoices are made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.models import AdvanceFee, Subscription
from billing.queries.usage import UsageReport, current_usage
from billing.queries.usage_pricing import PartUsage
from billing.rules.money import ZERO
from billing.rules.tax import TaxedLine, invoice_taxes
from invoicing.queries.rates import Rates
from tests.cases.comparing import Answers, Keyed
from tests.cases.given import Given, NotOffered, Unsupported
from tests.cases.registry import area
from tests.cases.steps import happen
from tests.cases.world import World, declared_of, metric_of, open_world, plan_of, subscribe, tax_of, terms_of

MODELS = (
    "standard",
    "graduated",
    "prorated_graduated",
    "package",
    "percentage",
    "volume",
    "graduated_percentage",
    "dynamic",
)
KINDS = ("count", "sum", "max", "latest", "unique_count", "weighted_sum", "filters", "custom", "groups")


@area(*(f"usage.{name}" for name in (*MODELS, *KINDS)), database=True)
def scenario(given: Given) -> Answers:
    """The steps of a scenario, and what holds after each."""
    given.ignore("premium")
    if "custom" in (
        given.get("charge_model"),
        given.part("aggregation").get("type", "").removesuffix("_agg"),
    ):
        raise NotOffered("aggregations written in Ruby")
    world = opened(given)
    return {"after_each_step": [take_step(world, step) for step in given.rows("steps")]}


def opened(given: Given) -> World:
    """The organization with its plan, and the subscriptions of the case."""
    rows = given.rows("subscriptions")
    starts = [row.moment("subscribed_at") for row in rows] or [given.moment("subscribed_at")]
    plan, aggregation = given.part("plan"), given.part("aggregation").ignore("aggregator")
    world = open_world(
        min(starts), timezone=given.get("timezone", "UTC"), currency=plan.get("currency", "EUR")
    )
    if given.get("tax_rate") is not None:
        tax_of(world, given["tax_rate"], default=True)
    metric = metric_of(
        world,
        aggregation["type"],
        aggregation.get("field_name"),
        recurring=aggregation.get("recurring", False),
        filters=declared_of(given.get("filters", [])),
    )
    aggregation.ignore("weighted_interval")
    properties = dict(given["properties"])
    keys = properties.pop("grouped_by", []) or properties.pop("pricing_group_keys", [])
    terms = terms_of(
        metric,
        given["charge_model"],
        properties,
        filters=given.get("filters", []),
        group_keys=keys,
        prorated=given.get("prorated", False),
        pay_in_advance=given.get("pay_in_advance", False),
        min_amount_minor=int(given.number("min_amount_cents")),
    )
    if given.rows("charges"):
        raise Unsupported("several charges")
    made = plan_of(world, plan, [terms])
    time = given.get("billing_time", "calendar")
    for row, start in zip(rows, starts, strict=False):
        subscribe(world, made, start, billing_time=time, name=row["id"])
    if not rows:
        subscribe(world, made, starts[0], billing_time=time)
    return world


def take_step(world: World, step: Given) -> Answers:
    """One step; then usage and the last invoice, as they are."""
    at = happen(world, step, world.started)
    name = step.get("subscription", "")
    return invoice_answers(world) | usage_answers(world.subscription_named(name), at)


def usage_answers(subscription: Subscription, at: datetime) -> Answers:
    """What the Usage tab shows of the running period."""
    report = current_usage(subscription, at, with_days=False)
    rates = Rates(subscription.organization_id)
    lines = [
        TaxedLine(
            Decimal(item.amount_minor),
            tuple(rates.of_charge(item.charge.pk, subscription.plan_id, subscription.customer_id)),
        )
        for item in report.charges
    ]
    units = sum((item.units for item in report.charges), ZERO)
    return {
        "units": units,
        "total_aggregated_units": units,
        "amount_cents": report.amount_minor,
        "total_amount_cents": report.amount_minor + invoice_taxes(lines).total_minor,
        "events_count": sum(item.events_count for item in report.charges),
        "fees_count": AdvanceFee.objects.filter(subscription=subscription).count(),
        "groups": parts_answers(report, lambda part: part.group),
        "filters": parts_answers(report, lambda part: (part.filter or {}).get("values", {})),
    }


def parts_answers(report: UsageReport, named: Callable[[PartUsage], dict[str, Any]]) -> Keyed:
    """The parts of the charges, found by what they are named by: filters or groups."""
    rows = [
        named(part)
        | {"units": part.units, "amount_cents": part.amount_minor, "events_count": part.events_count}
        for item in report.charges
        for part in item.parts
    ]
    keys = {key for item in report.charges for part in item.parts for key in named(part)}
    return Keyed(rows, sorted(keys))


def invoice_answers(world: World) -> Answers:
    """The last invoice that was asked for."""
    invoices = [invoice for invoice in world.invoices() if invoice.type != "advance_charges"]
    if not invoices:
        return {}
    last = invoices[-1]
    return {"invoice_total_amount_cents": last.total_minor, "issuing_date": last.issuing_on}
