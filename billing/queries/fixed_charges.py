"""The fixed charges of plans and what a subscription has of them: prices in its currency, units through time."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from billing.models import FixedCharge, FixedChargePrice, Subscription, UnitsChange
from billing.rules.fixed_charges import UnitsEvent


@dataclass(frozen=True)
class FixedBook:
    """A plan's fixed charges with their prices in every currency."""

    currency: str
    rows: Sequence[FixedCharge]
    prices: dict[tuple[UUID, str], FixedChargePrice]

    def missing(self, currency: str) -> list[FixedCharge]:
        """Those without a price in a currency."""
        if currency == self.currency:
            return []
        return [row for row in self.rows if (row.pk, currency) not in self.prices]

    def priced(self, currency: str) -> list[FixedCharge]:
        """Those with a price in a currency, as copies that carry its properties: for reading, never saved."""
        if currency == self.currency:
            return list(self.rows)
        found = []
        for row in self.rows:
            if price := self.prices.get((row.pk, currency)):
                one = copy.copy(row)
                one.properties = price.properties
                found.append(one)
        return found


def fixed_books(plans: Iterable[Any]) -> dict[UUID, FixedBook]:
    """{plan id: its fixed charges}, in one query, two with prices in other currencies."""
    found = {plan.pk: plan for plan in plans}
    rows: dict[UUID, list[FixedCharge]] = defaultdict(list)
    for row in FixedCharge.objects.kept().filter(plan_id__in=found).select_related("add_on"):
        rows[row.plan_id].append(row)
    prices: dict[UUID, dict[tuple[UUID, str], FixedChargePrice]] = defaultdict(dict)
    if rows:
        others = FixedChargePrice.objects.filter(fixed_charge__plan_id__in=list(rows))
        for price in others.select_related("fixed_charge"):
            prices[price.fixed_charge.plan_id][price.fixed_charge_id, price.currency] = price
    return {
        key: FixedBook(plan.currency, rows.get(key, []), prices.get(key, {})) for key, plan in found.items()
    }


def fixed_book(plan: Any) -> FixedBook:
    """The fixed charges of one plan."""
    return fixed_books([plan])[plan.pk]


def units_events(
    subscription: Subscription, rows: Iterable[FixedCharge]
) -> dict[UUID, tuple[UnitsEvent, ...]]:
    """{fixed charge id: its units through time}: the plan's since the start, then the subscription's own."""
    begun = subscription.started_at or subscription.subscription_at
    found = {row.pk: [UnitsEvent(row.units, begun)] for row in rows}
    if found:
        changes = UnitsChange.objects.filter(subscription=subscription, fixed_charge__in=found)
        for change in changes.order_by("id"):
            found[change.fixed_charge_id].append(UnitsEvent(change.units, change.at))
    return {key: tuple(events) for key, events in found.items()}
