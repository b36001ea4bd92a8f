"""The minimum commitment of the running period: what it would lack if nothing more were used."""

from __future__ import annotations

from datetime import datetime

from billing.models import Subscription
from billing.queries.schedules import customer_zone, schedule_of
from billing.queries.usage import usage_start, usage_window
from billing.queries.versions import promised_minor
from billing.rules.commitment import TrueUp
from billing.rules.states import LIVE
from invoicing.queries.advance_lines import gathered_lines
from invoicing.queries.commitments import settled
from invoicing.queries.facts import FEE, USAGE, Window, fee_lines, usage_lines
from invoicing.queries.rates import Rates
from invoicing.rules.boundaries import fee_window, step_until


def running_commitment(
    subscription: Subscription, at: datetime, start: datetime | None = None
) -> TrueUp | None:
    """What the invoice at the end of the period would settle; None when nothing is promised or it has ended. `start`:
    where the running period begins, when that is known.
    """
    if not live(subscription):
        return None
    start = start or usage_start(subscription)
    promised = promised_minor(subscription, start)
    if not promised:
        return None
    rates = Rates(subscription.organization_id)
    tz, currency = customer_zone(subscription.customer), subscription.currency
    schedule = schedule_of(subscription, tz)
    start, end = usage_window(subscription, start, at)
    usage = Window(subscription, USAGE, start, end, closing=True)
    full = schedule.period_at(step_until(schedule, end, ended=False).start)
    days = None if schedule.pay_in_advance else fee_window(schedule, full)
    fees = [Window(subscription, FEE, days.start, days.end)] if days else []
    made = [line for fee in fees for line in fee_lines(fee, tz=tz, currency=currency, rates=rates)]
    made += usage_lines(usage, tz=tz, currency=currency, rates=rates)
    if subscription.billed_by_event:
        made += gathered_lines(subscription, usage.period, rates)
    return settled(subscription, promised, schedule, usage.period, full, made)


def live(subscription: Subscription) -> bool:
    """Whether it has begun and not ended."""
    return subscription.status in {status.value for status in LIVE}
