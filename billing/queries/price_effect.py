"""What a change of a plan's prices means in money for the subscriptions that exist, before anybody says yes.

Read inside the transaction that changes the prices: the plan has the new ones, `before` is the snapshot of the old.
The fee is compared for every subscription; units of fixed charges and usage so far for the first `MOST` of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.models import Charge, FixedCharge, Plan, Subscription
from billing.queries.fixed_charges import units_events
from billing.queries.terms import PriceBook, price_book
from billing.queries.usage import charge_usage, running_window
from billing.queries.versions import frozen_book, thawed
from billing.rules.charges.base import ChargeModel, Usage
from billing.rules.charges.registry import charge_model
from billing.rules.money import to_minor
from billing.rules.periods import MONTHS, Interval
from billing.rules.price_versions import OWN
from billing.rules.states import OPEN, SubscriptionStatus

MOST = 50


@dataclass
class Share:
    """The subscriptions in one currency. `running_minor`: what their running periods cost more (less: negative) with
    the new prices; `later_minor`: what each full period does. `unpriced`: what has no price there now.
    """

    currency: str
    subscriptions: int = 0
    before_minor: int = 0
    after_minor: int = 0
    running_minor: int = 0
    later_minor: int = 0
    unpriced: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Effect:
    """All of them. `version`: the one that the change replaces; `looked`: whose units and usage were compared; `own`:
    how many have terms of their own, which stay as they are and are not counted otherwise.
    """

    version: int
    subscriptions: int
    looked: int
    shares: list[Share]
    before: dict[str, Any]
    after: dict[str, Any]
    own: int = 0


def effect_of(plan: Plan, before: dict[str, Any], after: dict[str, Any], at: datetime) -> Effect:
    """What the change means; `before` and `after` are snapshots of the plan."""
    every = Subscription.objects.filter(plan=plan, status__in=[status.value for status in OPEN])
    mine, own = every.filter(price_version__lt=OWN), every.filter(price_version__gte=OWN).count()
    new, books = price_book(plan), {plan.price_version: thawed(plan, before)}
    shares: dict[str, Share] = {}
    for currency, minor in mine.order_by("currency").values_list("currency", "amount_minor"):
        share = shares.setdefault(currency, Share(currency))
        share.subscriptions += 1
        share.before_minor += minor
    for currency, share in shares.items():
        if currency not in new.currencies or new.missing(currency):
            share.unpriced = [row.invoice_name for row in new.missing(currency)] or [plan.name]
            share.after_minor = share.before_minor
            continue
        share.after_minor = new.terms(currency).amount_minor * share.subscriptions
        share.later_minor = share.after_minor - share.before_minor
        if not plan.pay_in_advance:
            begun = mine.filter(currency=currency).exclude(status=SubscriptionStatus.PENDING.value)
            fees = list(begun.values_list("amount_minor", flat=True))
            share.running_minor = new.terms(currency).amount_minor * len(fees) - sum(fees)
    looked = list(mine.select_related("customer__billing_entity", "plan").order_by("pk")[:MOST])
    for row in looked:
        share = shares[row.currency]
        if share.unpriced:
            continue
        if row.price_version not in books:
            books[row.price_version] = frozen_book(plan, row.price_version)
        compare(row, books[row.price_version], new, share, at)
    total = sum(share.subscriptions for share in shares.values())
    return Effect(plan.price_version, total, len(looked), list(shares.values()), before, after, own)


def compare(row: Subscription, old: PriceBook, new: PriceBook, share: Share, at: datetime) -> None:
    """Add what units and usage of one subscription cost more."""
    advance = difference(
        units_cost(row, old.fixed.priced(row.currency)), units_cost(row, new.fixed.priced(row.currency))
    )
    months = MONTHS.get(Interval(row.plan.interval), 1)
    share.later_minor += sum(advance.values()) * (months if row.plan.bill_fixed_charges_monthly else 1)
    if row.status == SubscriptionStatus.PENDING.value:
        return
    share.running_minor += advance[False]
    start, end = running_window(row, at)
    used = usage_cost(row, new.terms(row.currency).charges, start, end)
    used -= usage_cost(row, old.terms(row.currency).charges, start, end)
    share.running_minor += used
    share.later_minor += used * (months if row.plan.bill_charges_monthly else 1)


def difference(old: dict[bool, int], new: dict[bool, int]) -> dict[bool, int]:
    """{in advance: what it costs more}."""
    return {key: new[key] - old[key] for key in (True, False)}


def units_cost(row: Subscription, fixed: Iterable[FixedCharge]) -> dict[bool, int]:
    """{in advance: what a full period of the units that it has now costs}."""
    rows = list(fixed)
    events = units_events(row, rows)
    found: dict[bool, int] = defaultdict(int)
    for one in rows:
        model: ChargeModel[Any] = charge_model(one.charge_model)
        units = events[one.pk][-1].units
        priced = model.price(model.parse(one.properties), Usage(units, 0))
        found[one.pay_in_advance] += to_minor(priced.total, row.currency)
    return found


def usage_cost(row: Subscription, charges: Iterable[Charge], start: datetime, end: datetime) -> int:
    """What the usage so far costs at some prices, minimum spends included."""
    rows = list(charges)
    least: dict[UUID, int] = {charge.pk: charge.min_amount_minor for charge in rows}
    return sum(max(item.amount_minor, least[item.charge.pk]) for item in charge_usage(row, start, end, rows))
