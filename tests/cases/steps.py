"""The verbs of a scenario's steps: events, runs, ends and what else happens at a moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.rules.periods import add_months
from invoicing.actions import advance, usage_watch
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.plan_changes import change_plan
from invoicing.actions.termination import Termination, terminate_subscription
from invoicing.models import Invoice
from invoicing.rules.termination import Ending, OnTermination
from tests.cases.given import Given
from tests.cases.world import BY, World, plan_of

SKIP = "skip"


def moment_of(step: Given, start: datetime) -> datetime:
    """`at`, or so many months and days after the start."""
    if "at" in step:
        return step.moment("at")
    day = add_months(start.date(), int(step.number("months_after_start")))
    whole = start.replace(year=day.year, month=day.month, day=day.day)
    return whole + timedelta(days=int(step.number("days_after_start")))


def ending_of(given: Given) -> Ending:
    """What an end does, as the case says."""
    unused = OnTermination(given.get("on_termination_credit_note", OnTermination.CREDIT))
    return Ending(invoice=given.get("on_termination_invoice", "generate") != SKIP, unused=unused)


def end(world: World, at: datetime, how: Ending | None = None, name: str = "") -> Termination:
    """End a subscription at a moment, after the runs of the days before."""
    world.pass_time(at)
    world.now = max(world.now, at)
    return terminate_subscription(world.subscription_named(name), how or Ending(), by=BY, at=at)


def happen(world: World, step: Given, start: datetime) -> datetime:
    """Everything that a step says, in the order in which it is read; answers its moment."""
    at, name = moment_of(step, start), step.get("subscription", "")
    world.pass_time(at)
    world.now = max(world.now, at)
    if step.get("billing", False):
        world.run(at)
    if step.get("finalize", False):
        for draft in Invoice.objects.filter(status="draft").order_by("created_at", "pk"):
            finalize_invoice(draft, by=BY, at=at)
    for way in ("upgrade_to", "downgrade_to"):
        if way in step:
            plan = plan_of(world, step.part(way), code=f"{way}-{at:%Y-%m-%d}")
            change_plan(world.subscription_named(name), plan, by=BY, at=at)
    events = list(step.get("events", []))
    events += [{"value": step[name]} for name in ("event_value", "event") if step.get(name) is not None]
    if events:
        world.send(events, at, name)
        advance.run(at=at)
        usage_watch.run(at=at)
    if step.get("terminate", False):
        end(world, at, ending_of(step), name)
    return at
