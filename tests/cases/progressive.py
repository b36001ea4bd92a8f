"""Progressive billing and wallets through time: usage is looked at after each event, as a worker does."""

from __future__ import annotations

from datetime import datetime

from billing.models import Plan, UsageThreshold
from tests.cases.comparing import Answers
from tests.cases.given import Given
from tests.cases.registry import area
from tests.cases.scenarios import world_of
from tests.cases.steps import happen
from tests.cases.world import World, subscribe


def set_thresholds(world: World, plan: Plan, rows: list[Given]) -> None:
    """The thresholds of a plan."""
    for row in rows:
        UsageThreshold.objects.create(
            organization=world.organization,
            plan=plan,
            amount_minor=int(row["amount_cents"]),
            recurring=row.get("recurring", False),
        )


@area("progressive_billing.scenario", database=True)
def progressive(given: Given) -> Answers:
    """Events pass thresholds; periods end."""
    given.ignore("premium")
    world, plan, created = world_of(given)
    set_thresholds(world, plan, given.rows("thresholds"))
    subscribe(world, plan, created, billing_time=given.get("billing_time", "calendar"))
    return {"after_each_step": [take_step(world, step, created) for step in given.rows("steps")]}


def take_step(world: World, step: Given, created: datetime) -> Answers:
    """One step, then the invoices as they are."""
    happen(world, step, created)
    invoices = world.invoices()
    if not invoices:
        return {"invoices": 0}
    last = invoices[-1]
    return {
        "invoices": len(invoices),
        "last_total_amount_cents": last.total_minor,
        "total_amount_cents": last.total_minor,
        "fees_amount_cents": last.lines_minor,
        "progressive_billing_credit_amount_cents": last.progressive_minor,
        "coupons_amount_cents": last.coupons_minor,
        "taxes_amount_cents": last.taxes_minor,
    }
