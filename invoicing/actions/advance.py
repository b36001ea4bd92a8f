"""Billing events at once: what waits becomes fees, and fees become invoices of their own.

Laws. The rows that wait are read under the customer's lock and go in the transaction that bills them, so eight
workers at once make one fee of each. Events of a subscription are billed in the order of their moments; when one
fails, all that wait of the subscription are held and a job stands for them, which staff see with its reason and can
run again. A paused subscription is billed when it goes on, one that has not begun when it begins.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from billing.actions import later
from billing.actions.clock import now
from billing.actions.locks import lock_customer_of
from billing.actions.subscriptions import lock_subscription
from billing.models import AdvanceEvent, AdvanceFee, Event, Organization, Subscription
from billing.models.usage_store import touch
from billing.orm.actor import Actor
from billing.queries.schedules import customer_zone
from billing.rules.periods import Period, local_date, start_of_day
from billing.rules.states import LIVE, SubscriptionStatus
from invoicing.actions.advance_fees import FeeBook, Made
from invoicing.actions.draft import new_invoice
from invoicing.actions.finalize import finalize_new
from invoicing.models import Invoice, InvoiceType
from invoicing.queries.advance_lines import gathered, gathered_lines, own_line
from invoicing.queries.facts import ADVANCE, Window
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line

logger = logging.getLogger(__name__)
AT_ONCE = 500
PER_TURN = 200
TASK = "invoicing.bill_events"
LIVE_STATES = {status.value for status in LIVE}
NOT_NOW = (SubscriptionStatus.PENDING.value, SubscriptionStatus.PAUSED.value)


def run(where: Q | None = None, at: datetime | None = None) -> list[str]:
    """Bill what waits of every subscription that is not held; what failed. `at`: the moment, else each
    organization's clock; customers that somebody else holds are then left to the next look.
    """
    held = AdvanceEvent.objects.filter(subscription=OuterRef("subscription"), held=True)
    rows = AdvanceEvent.objects.filter(where or Q()).filter(~Exists(held))
    rows = rows.filter(subscription__customer__deleted_at=None).exclude(subscription__status__in=NOT_NOW)
    rows = rows.order_by("subscription_id")
    failed = []
    for key in rows.distinct("subscription_id").values_list("subscription_id", flat=True)[:AT_ONCE]:
        try:
            bill_all(key, at=at, wait=at is not None)
        except Exception as error:  # one subscription of many: the others are still billed
            logger.exception("Billing the events of subscription %s failed.", key)
            failed.append(f"Bill the events of subscription {key}: {error}")
            hand_over(key)
    return failed


def held_up(organization: Organization) -> list[str]:
    """What failed before and waits for somebody."""
    held = AdvanceEvent.objects.of(organization).filter(held=True).first()
    return [f"Events of {held.subscription} could not be billed: see the failed job."] if held else []


def bill_all(subscription_id: UUID, *, at: datetime | None = None, wait: bool = True) -> None:
    """Bill everything that waits of one subscription, some events in each transaction."""
    while bill_waiting(subscription_id, at=at, wait=wait) == PER_TURN:
        pass


@transaction.atomic
def hand_over(subscription_id: UUID) -> None:
    """Hold what waits of a subscription and make a job of it: it has a reason and a button."""
    subscription = find(subscription_id)
    AdvanceEvent.objects.filter(subscription=subscription).update(held=True)
    later.enqueue_again(
        subscription.organization,
        TASK,
        key=f"advance:{subscription.pk}",
        label=f"Bill the events of {subscription}",
        subject_id=subscription.pk,
    )


def find(subscription_id: UUID) -> Subscription:
    """The subscription with its organization and customer."""
    return Subscription.objects.select_related("organization", "customer").get(pk=subscription_id)


@transaction.atomic
def bill_waiting(subscription_id: UUID, *, at: datetime | None = None, wait: bool = True) -> int:
    """Bill up to `PER_TURN` events that wait of one subscription; how many they were."""
    subscription = find(subscription_id)
    moment = at or now(subscription.organization)
    customer = lock_customer_of(subscription, wait=wait)
    if customer is None:
        return 0
    subscription = lock_subscription(subscription)
    by = Actor.system()
    return bill_locked(customer, subscription, by=by, at=moment, rates=Rates(customer.organization_id))


def bill_locked(customer: Any, subscription: Subscription, *, by: Actor, at: datetime, rates: Rates) -> int:
    """`bill_waiting` for a caller that holds the customer and the subscription."""
    if subscription.status in NOT_NOW or customer.deleted_at is not None:
        return 0
    waiting = AdvanceEvent.objects.filter(subscription=subscription)
    rows = Event.objects.filter(pk__in=waiting.values("event_id"))
    events = list(rows.order_by("timestamp", "pk")[:PER_TURN])
    if not events:
        return 0
    tz = customer_zone(customer)
    subscription.customer, subscription.plan = customer, rates.plan(subscription.plan_id)
    book = FeeBook(subscription, tz, rates, events)
    for event in events:
        alone = [made for made in book.bill(event) if made.fee.counts_at is None and made.fee.amount_minor]
        if alone:
            invoice_alone(customer, subscription, alone, tz=tz, rates=rates, by=by, at=at)
    if waiting.filter(held=True).exists():
        later.healed(TASK, [subscription.pk])
    waiting.filter(event_id__in=[event.pk for event in events]).delete()
    touch(subscription.organization_id, [str(subscription.pk)])  # alerts look at what was billed
    return len(events)


def invoice_alone(
    customer: Any,
    subscription: Subscription,
    made: Sequence[Made],
    *,
    tz: str,
    rates: Rates,
    by: Actor,
    at: datetime,
) -> Invoice | None:
    """The invoice of one event, final at once: no later event can change it."""
    day = day_of(made[0].fee.timestamp, tz)
    lines = [own_line(subscription, one.charge, one.fee, one.priced, day, rates) for one in made]
    invoice = issue_lines(customer, subscription, lines, day, by=by, at=at)
    if invoice is not None:
        AdvanceFee.objects.filter(pk__in=[one.fee.pk for one in made]).update(invoice=invoice)
    return invoice


def issue_lines(
    customer: Any, subscription: Subscription, lines: Sequence[Line], span: Period, *, by: Actor, at: datetime
) -> Invoice | None:
    """An invoice over charges in advance."""
    opened = new_invoice(customer, InvoiceType.ADVANCE, subscription.currency, span.start, span.end, at=at)
    window = Window(subscription, ADVANCE, span.start, span.end)
    return finalize_new(opened, customer, [window], lines, by=by, at=at)


def gather_rest(
    customer: Any, subscription: Subscription, window: Period, *, by: Actor, at: datetime, rates: Rates
) -> Invoice | None:
    """What was billed event by event and waits for an invoice, where the subscription ends without one."""
    fees = gathered(subscription, window.start, window.end)
    if not any(fee.amount for fee in fees):
        return None
    lines = gathered_lines(subscription, window, rates)
    invoice = issue_lines(customer, subscription, lines, window, by=by, at=at)
    if invoice is not None:
        AdvanceFee.objects.filter(pk__in=[fee.pk for fee in fees]).update(invoice=invoice)
    return invoice


def day_of(at: datetime, tz: str) -> Period:
    """The local day of an event."""
    on = local_date(at, tz)
    return Period(start_of_day(on, tz), start_of_day(on + timedelta(days=1), tz))


def work_off(
    customer: Any, subscriptions: Sequence[Subscription], *, by: Actor, at: datetime, rates: Rates
) -> None:
    """Before a customer is billed: what waits of these locked subscriptions. What fails is held and has a job; the
    bill itself is not held up, and gathers it next time.
    """
    keys = [row.pk for row in subscriptions if row.status in LIVE_STATES and in_advance(row, at, rates)]
    waiting = AdvanceEvent.objects.filter(subscription__in=keys, held=False)
    found = set(waiting.values_list("subscription_id", flat=True)) if keys else set()
    for row in subscriptions:
        if row.pk not in found:
            continue
        try:
            with transaction.atomic():
                while bill_locked(customer, row, by=by, at=at, rates=rates) == PER_TURN:
                    pass
        except Exception:  # one subscription of several: its bill goes on without these events
            logger.exception("Billing the events of subscription %s failed.", row.pk)
            hand_over(row.pk)


def in_advance(subscription: Subscription, at: datetime, rates: Rates) -> bool:
    """Whether events of the subscription may wait to be billed. No query where prices are known."""
    if subscription.billed_by_event:
        return True
    return any(charge.pay_in_advance for charge in rates.terms(subscription, at).charges)
