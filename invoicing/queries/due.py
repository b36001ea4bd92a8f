"""What is due: the moments at which subscriptions are billed, and the windows that each moment closes and
opens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from billing.models import Subscription
from billing.queries.schedules import schedule_of
from billing.rules.periods import Period
from billing.rules.states import BILLABLE, SubscriptionStatus
from billing.rules.windows import Schedule
from invoicing.queries.advance_lines import renewing
from invoicing.queries.facts import ADVANCE, ARREARS, FEE, FIXED, USAGE, Window
from invoicing.queries.rates import Rates
from invoicing.rules.boundaries import fee_window, step_from
from invoicing.rules.consolidation import Due, group_due

BILLED = [status.value for status in BILLABLE]


@dataclass
class Account:
    """What has been billed of one subscription so far, carried forward while several moments are billed."""

    subscription: Subscription
    tz: str
    usage_until: datetime
    fees: set[datetime] = field(default_factory=set)
    in_between: bool = False  # the last bill for usage came before the end of its period
    fixed: set[datetime] = field(default_factory=set)
    renewed: set[datetime] = field(default_factory=set)
    fixed_until: datetime | None = None  # in arrears, where they are not billed together with usage
    # Knows which fixed charges and charges are paid in advance; None: nobody asks for them.
    rates: Rates | None = None

    def usage(self, end: datetime, *, closing: bool) -> Window:
        """Everything used since the last bill; the next one starts at `end`."""
        window = Window(self.subscription, USAGE, min(self.usage_until, end), end, closing)
        self.usage_until, self.in_between = end, not closing
        return window

    @property
    def fixed_from(self) -> datetime:
        """Where the fixed charges in arrears begin that are on no invoice, if they have windows of their own."""
        return self.fixed_until or self.subscription.started_at or self.subscription.subscription_at

    def arrears(self, end: datetime) -> Window:
        """Fixed charges in arrears since their last bill."""
        window = Window(self.subscription, ARREARS, min(self.fixed_from, end), end, closing=True)
        self.fixed_until = end
        return window

    def fee(self, window: Any) -> list[Window]:
        """The fee for a stretch, unless it has been billed."""
        if window is None or window.start in self.fees:
            return []
        self.fees.add(window.start)
        return [Window(self.subscription, FEE, window.start, window.end)]

    def fixed_charges(self, period: Period) -> list[Window]:
        """The fixed charges in advance for a period, unless there are none or they have been billed."""
        if self.rates is None or period.start in self.fixed:
            return []
        if not any(row.pay_in_advance for row in self.rates.fixed(self.subscription, period.start)):
            return []
        self.fixed.add(period.start)
        return [Window(self.subscription, FIXED, period.start, period.end)]

    def renewals(self, period: Period) -> list[Window]:
        """What stays in use of charges in advance, for the period that begins with it; once."""
        if self.rates is None or period.start in self.renewed:
            return []
        if not renewing(self.rates.terms(self.subscription, period.start).charges):
            return []
        self.renewed.add(period.start)
        return [Window(self.subscription, ADVANCE, period.start, period.end)]


SO_FAR = """
SELECT subscription_id, kind, max("end"), max("end") FILTER (WHERE closing), array_agg(start)
FROM invoicing_invoicedperiod WHERE subscription_id = ANY(%s) GROUP BY subscription_id, kind
"""


class Billed(NamedTuple):
    """What is on invoices of a subscription, of one kind: up to when, up to which end of a period, from when each."""

    until: datetime
    closed: datetime | None
    starts: list[datetime]


def accounts(
    subscriptions: Iterable[Subscription], tz: str, rates: Rates | None = None
) -> dict[Any, Account]:
    """{subscription id: its account}, in one query. `rates`: knows whose fixed charges are paid in advance."""
    rows = list(subscriptions)
    with connection.cursor() as cursor:
        cursor.execute(SO_FAR, [[row.pk for row in rows]])
        found = {(key, kind): Billed(*values) for key, kind, *values in cursor.fetchall()}
    return {
        row.pk: Account(
            subscription=row,
            tz=tz,
            usage_until=found[row.pk, USAGE].until
            if (row.pk, USAGE) in found
            else row.started_at or row.subscription_at,
            fees=set(found[row.pk, FEE].starts) if (row.pk, FEE) in found else set(),
            in_between=(row.pk, USAGE) in found and found[row.pk, USAGE].closed != found[row.pk, USAGE].until,
            fixed=set(found[row.pk, FIXED].starts) if (row.pk, FIXED) in found else set(),
            renewed=set(found[row.pk, ADVANCE].starts) if (row.pk, ADVANCE) in found else set(),
            fixed_until=found[row.pk, ARREARS].until if (row.pk, ARREARS) in found else None,
            rates=rates,
        )
        for row in rows
    }


def due_moments(subscription: Subscription, tz: str, at: datetime) -> list[datetime]:
    """The ends of periods, and of months within them, that have come and are not billed, in order. None after the
    subscription's end.
    """
    moments = []
    schedule = schedule_of(subscription, tz)
    moment = subscription.next_billing_at
    while moment is not None and moment <= at:
        moments.append(moment)
        moment = step_from(schedule, moment).end
    return moments


def boundary_windows(account: Account, moment: datetime, *, last: bool = False) -> list[Window]:
    """What is billed at the end of a period: its usage; its fee in arrears or the next one's in advance. Between two
    months of a period: what is billed monthly.

    `last`: the subscription ends at this moment or before the next period would be paid for, so no fee in
    advance. During a trial a fee in advance waits for `trial_windows`.
    """
    subscription = account.subscription
    schedule = schedule_of(subscription, account.tz)
    start = step_from(schedule, moment).start
    begins, fixed, usage = (
        ask(start) for ask in (schedule.period_at, schedule.fixed_period_at, schedule.usage_period_at)
    )
    windows = []
    if usage.start == start:
        windows.append(account.usage(moment, closing=True))
        windows += [] if last else account.renewals(usage)
    if fixed.start == start:
        windows += [] if schedule.together else [account.arrears(moment)]
        windows += [] if last else account.fixed_charges(fixed)
    if begins.start != start:
        return windows
    if not schedule.pay_in_advance:
        return windows + account.fee(fee_window(schedule, schedule.before(begins)))
    trial = subscription.trial_ends_at
    if last or (trial is not None and trial > begins.start):
        return windows
    return windows + account.fee(fee_window(schedule, begins))


def trial_windows(account: Account, moment: datetime) -> list[Window]:
    """What is billed when a trial ends: the fee in advance for the running period, which is charged by
    days.
    """
    schedule = schedule_of(account.subscription, account.tz)
    if not schedule.pay_in_advance:
        return []
    return account.fee(fee_window(schedule, schedule.period_at(moment)))


def start_windows(account: Account) -> list[Window]:
    """What is billed when a subscription starts: fixed charges in advance, and the first fee in advance unless a
    trial comes first.
    """
    subscription = account.subscription
    schedule = schedule_of(subscription, account.tz)
    first = schedule.fixed_period_at(schedule.started_at)
    windows = account.fixed_charges(Period(schedule.started_at, first.end))
    if takes_over(subscription, schedule, account):
        first = schedule.usage_period_at(schedule.started_at)
        windows += account.renewals(Period(schedule.started_at, first.end))
    trial = subscription.trial_ends_at
    if not schedule.pay_in_advance or (trial is not None and trial > schedule.started_at):
        return windows
    return windows + account.fee(fee_window(schedule, schedule.period_at(schedule.started_at)))


def takes_over(subscription: Subscription, schedule: Schedule, account: Account) -> bool:
    """Whether a subscription finds units in use that its charges in advance are to bill: those of the plan before it.
    Within a period that one may have billed them itself up to the end of the period: then nothing is asked for twice.
    """
    rates = account.rates
    if subscription.previous_id is None or rates is None:
        return False
    begins = schedule.started_at
    own = {row.metric_id for row in renewing(rates.terms(subscription, begins).charges)}
    if not own:
        return False
    previous, period = subscription.previous, schedule.usage_period_at(begins)
    if previous is None or period.start == begins:
        return True
    if schedule_of(previous, account.tz).usage_period_at(begins).end != period.end:
        return True
    paid = {row.metric_id for row in renewing(rates.terms(previous, begins).charges)}
    return bool(own - paid)


def trial_is_over(subscription: Subscription, at: datetime) -> bool:
    """Whether a trialing subscription becomes active at that moment or before."""
    trialing = subscription.status == SubscriptionStatus.TRIALING.value
    return trialing and (subscription.trial_ends_at is None or subscription.trial_ends_at <= at)


def by_invoice(windows: Iterable[Window], customer: Any) -> list[list[Window]]:
    """The windows of one moment, grouped into the invoices that they share."""
    found: dict[str, list[Window]] = defaultdict(list)
    rows = {}
    for window in windows:
        # Where a plan changes, the subscription that ends and the one that follows go on one invoice.
        key = str(window.subscription.first_id or window.subscription.pk)
        found[key].append(window)
        rows[key] = window.subscription
    entity = str(customer.billing_entity_id)
    due = [
        Due(key, str(customer.pk), row.currency, entity, consolidate=not row.separate_invoice)
        for key, row in rows.items()
    ]
    return [[w for item in group for w in found[item.subscription_id]] for group in group_due(due)]
