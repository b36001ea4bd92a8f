"""What an act on a subscription does to its next invoices: those that come as things stand, and those with the act.

Both are found by the billing run itself and by the very act, one after the other in transactions that are rolled
back. They reach to the end of the running period, and say what comes if nothing more is used until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing.actions.own_terms import agree_on
from billing.actions.pauses import pause_subscription
from billing.actions.subscription_terms import cancel_at_period_end, period_end
from billing.actions.subscriptions import next_boundary
from billing.actions.successors import successor_of
from billing.models import Follow, Plan, Subscription
from billing.orm.actor import Actor
from billing.queries.own_terms import OwnTerms
from billing.rules.errors import Conflict
from billing.rules.plan_changes import USUAL, When
from invoicing.actions.billing_run import bill_customer
from invoicing.actions.plan_changes import PlanChange, change_plan, direction_of
from invoicing.actions.termination import Termination, terminate_subscription
from invoicing.actions.unused_days import NOTHING, GivenBack
from invoicing.models import Invoice, InvoicedPeriod
from invoicing.queries.foreseen import Coming, foreseen
from invoicing.queries.rates import Rates

# More moments than a subscription has in two periods: start, end of a trial, change, end, going on, its months.
STEPS = 32


class Outcome(Protocol):
    """What an act has produced."""

    @property
    def invoices(self) -> Iterable[Invoice]: ...

    @property
    def given_back(self) -> GivenBack: ...


@dataclass(frozen=True)
class Effect:
    """`before`: the invoices of the subscription until `until` as things stand; `after`: with the act, made at `at`.
    `given_back`: the credit for days that were paid for and are not used. `outcome`: what the act answered, not
    stored.
    """

    at: datetime
    until: datetime
    before: list[Coming] = field(default_factory=list)
    after: list[Coming] = field(default_factory=list)
    given_back: GivenBack = NOTHING
    outcome: Any = None


def effect_of(
    subscription: Subscription,
    act: Callable[[Rates], Outcome | None],
    *,
    by: Actor,
    at: datetime,
    until: datetime | None = None,
) -> Effect:
    """What `act` would do; it is given the prices and taxes that are read already. Raises what it would raise, and
    Conflict while the customer is being billed.
    """
    until = max(until or period_end(subscription, at), at)
    rates = Rates(subscription.organization_id)
    with transaction.atomic():
        before = bills_until(subscription, until, rates=rates, by=by, at=at)
        transaction.set_rollback(True)
    with transaction.atomic():
        outcome = act(rates)
        made = [Coming(at, foreseen(row, at, rates)) for row in outcome.invoices] if outcome else []
        given_back = outcome.given_back if outcome else NOTHING
        after = made + bills_until(subscription, until, before, rates=rates, by=by, at=at).found
        transaction.set_rollback(True)
    return Effect(at, until, before.found, after, given_back, outcome)


@dataclass
class Bills:
    """Invoices in order; who is on them besides the subscription (`together`)."""

    found: list[Coming] = field(default_factory=list)
    together: set[UUID] = field(default_factory=set)


def bills_until(
    subscription: Subscription,
    until: datetime,
    before: Bills | None = None,
    *,
    rates: Rates,
    by: Actor,
    at: datetime,
) -> Bills:
    """The invoices up to a moment with something of the subscription or of what follows it; where others were to
    share them (`before`), theirs too.
    """
    bills = Bills(together=set(before.together) if before else set())
    also = [item.at for item in before.found] if before else []
    root = subscription.first_id or subscription.pk
    line = Subscription.objects.filter(Q(pk=root) | Q(first=root))
    since = at
    for _ in range(STEPS):
        rows = list(line.all())
        moment = next_moment(rows, since, until, also)
        if moment is None:
            break
        made = bill_customer(subscription.customer_id, by=by, at=moment, rates=rates, wait=False)
        if made is None:
            raise Conflict("This customer is being billed at this moment.", code="customer_busy")
        wanted = {row.pk for row in rows} | bills.together
        on = list(
            InvoicedPeriod.objects.filter(invoice__in=made).values_list("invoice_id", "subscription_id")
        )
        keys = {invoice for invoice, row in on if row in wanted}
        bills.together |= {row for invoice, row in on if invoice in keys}
        shown = [invoice for invoice in made if invoice.pk in keys]
        bills.found += [Coming(moment, foreseen(invoice, moment, rates)) for invoice in shown]
        since = moment
    return bills


def next_moment(
    rows: Iterable[Subscription], since: datetime, until: datetime, also: Iterable[datetime] = ()
) -> datetime | None:
    """The first moment after `since` at which something of the subscriptions becomes due, or one of `also`."""
    moments: list[datetime] = list(also)
    for row in rows:
        if row.is_ended:
            continue
        due = [row.next_billing_at, row.ending_at] if not row.paused_at else [row.resumes_at, row.ending_at]
        trial = row.trial_ends_at if row.status == "trialing" else None
        begins = row.subscription_at if row.status == "pending" and row.previous_id is None else None
        moments += [one for one in (*due, trial, begins) if one is not None and one <= until]
    later = [one for one in moments if one > since]
    return min(later, default=None)


def effect_of_change(
    subscription: Subscription, plan: Plan, *, when: When | None = None, by: Actor, at: datetime
) -> Effect:
    """Changing the plan; `outcome` is the `PlanChange`. One that waits shows in the bills of the period after it."""
    until = period_end(subscription, at)
    if subscription.is_live:
        row = successor_of(subscription, plan, at=at)
        if (when or USUAL[direction_of(subscription, row)]) == When.PERIOD_END:
            until = max(until, next_boundary(row, until))

    def act(rates: Rates) -> PlanChange:
        return change_plan(subscription, plan, when=when, by=by, at=at, rates=rates)

    return effect_of(subscription, act, by=by, at=at, until=until)


def effect_of_terms(
    subscription: Subscription, own: OwnTerms | None, *, follow: str, by: Actor, at: datetime
) -> Effect:
    """Agreeing on terms of its own, or giving them up (None); from the next period on up to the end of that one."""

    def act(rates: Rates) -> None:
        agree_on(subscription, own, follow=follow, by=by, at=at)

    until = period_end(subscription, max(at, subscription.begins_at))
    if follow == Follow.RENEWAL.value and not subscription.plan.pay_in_advance:
        until = next_boundary(subscription, until)
    return effect_of(subscription, act, by=by, at=at, until=until)


def effect_of_cancel(subscription: Subscription, *, by: Actor, at: datetime) -> Effect:
    """Canceling at the end of the running period."""

    def act(rates: Rates) -> None:
        cancel_at_period_end(subscription, by=by, at=at)

    return effect_of(subscription, act, by=by, at=at)


def effect_of_pause(
    subscription: Subscription, *, resumes_at: datetime | None = None, by: Actor, at: datetime
) -> Effect:
    """Pausing; with a day on which it goes on, up to the end of the period in which that day lies."""

    def act(rates: Rates) -> None:
        pause_subscription(subscription, resumes_at=resumes_at, by=by, at=at)

    until = period_end(subscription, at)
    if resumes_at is not None and resumes_at > until:
        until = resumes_at
    return effect_of(subscription, act, by=by, at=at, until=until)


def effect_of_ending(subscription: Subscription, *, by: Actor, at: datetime) -> Effect:
    """Ending it now, with its closing invoice, unused days as credit; `outcome` is the `Termination`."""

    def act(rates: Rates) -> Termination:
        return terminate_subscription(subscription, by=by, at=at, rates=rates)

    return effect_of(subscription, act, by=by, at=at)
