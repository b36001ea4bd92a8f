"""Usage of the running periods against the same stretch of the periods before.

Laws. The running period is compared with the last invoiced one up to the same point: after ten days with its first
ten days, so that a period that has just begun does not look like a loss. Prices are those of the plan today on both
sides. A subscription in its first period has nothing to be compared with; it counts, but not in the comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.models import Charge, Subscription
from billing.queries.usage import charge_usage, charges_of, current_usage, usage_window
from billing.queries.versions import pays_own_prices
from customers.models import Customer
from customers.rules.ageing import change_percent
from invoicing.models import InvoicedPeriod

MOST = 20


@dataclass(frozen=True)
class Used:
    """Minor units of the plan's currency; `before_minor` is None in a first period."""

    subscription: Subscription
    amount_minor: int
    before_minor: int | None


@dataclass(frozen=True)
class UsageFigure:
    """Usage in one currency. `before_minor` belongs to `compared_minor`: subscriptions that had a period before."""

    currency: str
    amount_minor: int
    compared_minor: int
    before_minor: int | None
    new: int

    @property
    def percent(self) -> Decimal | None:
        """The change against the same point of the last period."""
        return None if self.before_minor is None else change_percent(self.compared_minor, self.before_minor)


def usage_of(customer: Customer, subscriptions: Sequence[Subscription], at: datetime) -> list[Used]:
    """Each running subscription with usage so far and before; some queries each, so `MOST` at most."""
    charges: dict[UUID, list[Charge]] = {}
    found = []
    for row in subscriptions[:MOST]:
        row.customer = customer
        if not pays_own_prices(row):
            found.append(used(row, charges_of(row), at))
            continue
        if row.plan_id not in charges:
            charges[row.plan_id] = charges_of(row)
        found.append(used(row, charges[row.plan_id], at))
    return found


def used(subscription: Subscription, charges: list[Charge], at: datetime) -> Used:
    """One subscription."""
    periods: Any = InvoicedPeriod.objects.filter(subscription=subscription, kind="usage")
    last = periods.order_by("-end").values_list("start", "end").first()
    start = last[1] if last else subscription.started_at or subscription.subscription_at
    window = usage_window(subscription, start, at)
    report = current_usage(subscription, at, with_days=False, window=window, charges=charges)
    if last is None:
        return Used(subscription, report.amount_minor, None)
    until = min(last[0] + (min(at, window[1]) - start), last[1])
    before = charge_usage(subscription, last[0], until, charges) if until > last[0] else []
    return Used(subscription, report.amount_minor, sum(item.amount_minor for item in before))


def usage_figures(used: Sequence[Used], own: str) -> list[UsageFigure]:
    """By currency, the customer's own first."""
    by_currency: dict[str, list[Used]] = {own: []}
    for item in used:
        by_currency.setdefault(item.subscription.currency, []).append(item)
    return [figure(code, items) for code, items in by_currency.items() if items or code == own]


def figure(currency: str, items: Sequence[Used]) -> UsageFigure:
    """The sums of one currency."""
    compared = [item for item in items if item.before_minor is not None]
    return UsageFigure(
        currency,
        amount_minor=sum(item.amount_minor for item in items),
        compared_minor=sum(item.amount_minor for item in compared),
        before_minor=sum(item.before_minor or 0 for item in compared) if compared else None,
        new=len(items) - len(compared),
    )
