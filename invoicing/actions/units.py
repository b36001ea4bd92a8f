"""Units of fixed charges, changed for one subscription: now, or from its next period on.

More units of what is paid in advance are billed at once for the rest of the period; fewer give nothing back. What is
paid in arrears follows when the period is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Max

from billing.actions.locks import lock_customer_of
from billing.actions.subscriptions import lock_subscription, tell
from billing.models import FixedCharge, Subscription, UnitsChange
from billing.orm.actor import Actor
from billing.queries.fixed_charges import units_events
from billing.queries.schedules import customer_zone, schedule_of
from billing.rules.errors import Conflict, FieldErrors, Invalid
from billing.rules.fixed_charges import MOST_UNITS, units_from
from billing.rules.states import LIVE, SubscriptionStatus
from invoicing.actions.billing_run import bill_customer
from invoicing.actions.periods import invoice_windows
from invoicing.models import Invoice, InvoicedPeriod
from invoicing.queries.facts import FIXED, Window, window_lines
from invoicing.queries.rates import Rates

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class UnitsOutcome:
    """What a change did: when it holds, and the invoice for added units that are paid in advance."""

    at: datetime
    changes: list[UnitsChange]
    invoice: Invoice | None


@transaction.atomic
def change_units(
    subscription: Subscription,
    units: Mapping[FixedCharge, Decimal],
    *,
    next_period: bool = False,
    by: Actor,
    at: datetime,
) -> UnitsOutcome:
    """Set the units of some fixed charges of the subscription's plan, from now or from the next period on.

    What is due is billed first. Units that hold already then change nothing. Raises FieldErrors under
    `units[i]`, Conflict for a subscription that has ended.
    """
    customer = lock_customer_of(subscription)
    bill_customer(customer.pk, by=by, at=at)
    subscription = lock_subscription(subscription)
    check(subscription, units)
    from_at = moment(subscription, next_period, at)
    events = units_events(subscription, units)
    changed: dict[FixedCharge, tuple[Decimal, Decimal]] = {}
    for row, number in units.items():
        now_there = units_from(events[row.pk], from_at)
        if now_there != number or any(event.at > from_at for event in events[row.pk]):
            changed[row] = (now_there, number)
    if not changed:
        return UnitsOutcome(from_at, [], None)
    rows = [
        UnitsChange.objects.create(
            organization=subscription.organization,
            subscription=subscription,
            fixed_charge=row,
            units=number,
            at=from_at,
            made_by=by.label[:200],
        )
        for row, (_, number) in changed.items()
    ]
    words = {
        f"units of {row.invoice_name}": (f"{old.normalize():f}", f"{new.normalize():f}")
        for row, (old, new) in changed.items()
    }
    if from_at > at:
        words["from"] = ("", from_at.isoformat())
    tell(subscription, "subscription.units_changed", by=by, at=at, changes=words)
    running = subscription.status in {status.value for status in LIVE}
    invoice = None
    if running and from_at <= at + _MICROSECOND * 1000:
        invoice = bill_added(subscription, from_at, by=by, at=at)
    return UnitsOutcome(from_at, rows, invoice)


def check(subscription: Subscription, units: Mapping[FixedCharge, Decimal]) -> None:
    """Refuse what cannot be."""
    if subscription.is_ended:
        raise Conflict("This subscription has ended.", code="subscription_not_running")
    if not units:
        raise Invalid("Send the units of at least one fixed charge.", field="units")
    errors = []
    for index, (row, number) in enumerate(units.items()):
        if row.plan_id != subscription.plan_id or row.deleted_at is not None:
            errors.append((f"units[{index}].id", "The plan has no such fixed charge."))
        if not number.is_finite() or not 0 <= number < MOST_UNITS:
            errors.append((f"units[{index}].units", "Use a number of 0 or more."))
        elif -int(number.as_tuple().exponent) > 15:
            errors.append((f"units[{index}].units", "Use at most 15 decimals."))
    if errors:
        raise FieldErrors(errors)


def moment(subscription: Subscription, next_period: bool, at: datetime) -> datetime:
    """From when the change holds: each moment stands for one change, also when a clock stands still."""
    if subscription.status == SubscriptionStatus.PENDING.value:
        return subscription.subscription_at
    if next_period:
        found = next_period_at(subscription)
        if found is None:
            raise Conflict("There is no next period.", code="no_next_period", field="at")
        return found
    last = UnitsChange.objects.filter(subscription=subscription, at__lte=at + _MICROSECOND * 1000)
    newest = last.aggregate(at=Max("at"))["at"]
    begun = subscription.started_at or subscription.subscription_at
    return max([at, begun + _MICROSECOND, *([newest + _MICROSECOND] if newest else [])])


def next_period_at(subscription: Subscription) -> datetime | None:
    """When the next period of its fixed charges begins; None for one that is not billed any more."""
    stored = subscription.next_billing_at
    schedule = schedule_of(subscription, customer_zone(subscription.customer))
    if stored is None or not schedule.split:
        return stored
    return schedule.fixed_period_at(stored - _MICROSECOND).end


def bill_added(subscription: Subscription, from_at: datetime, *, by: Actor, at: datetime) -> Invoice | None:
    """The invoice for units that were added inside a period that is paid in advance; None when nothing was."""
    customer = subscription.customer
    rates = Rates(customer.organization_id)
    if not any(row.pay_in_advance for row in rates.fixed(subscription, from_at)):
        return None
    tz = customer_zone(customer)
    full = schedule_of(subscription, tz).fixed_period_at(from_at)
    window = Window(subscription, FIXED, from_at, full.end)
    base = InvoicedPeriod.objects.filter(
        subscription=subscription, kind=FIXED, start__lt=from_at, end=full.end
    )
    if not base.exists() or not window_lines([window], tz=tz, currency=subscription.currency, rates=rates):
        return None
    made = invoice_windows(customer, [window], by=by, at=at, rates=rates)
    return made[0] if made else None
