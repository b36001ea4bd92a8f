"""What a subscription has of its plan's fixed charges, and how that came about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.models import FixedCharge, Subscription, UnitsChange
from billing.queries.fixed_charges import units_events
from billing.queries.versions import fixed_of
from billing.rules.fixed_charges import timeline, units_from


@dataclass(frozen=True)
class Held:
    """A fixed charge with its units at a moment; `own`: not the plan's number; `coming`: what is planned."""

    row: FixedCharge
    units: Decimal
    own: bool
    coming: list[tuple[datetime, Decimal]]


@dataclass(frozen=True)
class Units:
    """Everything of a subscription, and its history, the newest first."""

    held: list[Held]
    history: list[UnitsChange]


def units_of(subscription: Subscription, at: datetime) -> Units:
    """Two queries, three with fixed charges."""
    rows = fixed_of(subscription, at)
    if not rows:
        return Units([], [])
    events = units_events(subscription, rows)
    begun = subscription.started_at or subscription.subscription_at
    held = []
    for row in rows:
        kept = timeline(events[row.pk])
        coming = [(event.at, event.units) for event in kept if event.at > max(at, begun)]
        own = len(events[row.pk]) > 1
        held.append(Held(row, units_from(kept, max(at, begun)), own, coming))
    changes = UnitsChange.objects.filter(subscription=subscription).select_related("fixed_charge__add_on")
    return Units(held, list(changes.order_by("-id")[:20]))
