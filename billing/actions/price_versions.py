"""Keeping the prices that subscriptions pay when their plan's prices change.

Every action that changes a plan's prices does it inside `keeping_prices`. When somebody has ever subscribed, the
prices as they were become a version of their own, and the subscriptions stay on it until they are moved
(`price_changes.py`): a period is billed at the prices of its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from billing.actions.price_changes import start_change
from billing.models import Follow, Plan, PlanVersion, PriceChange, Subscription
from billing.orm.actor import Actor
from billing.queries.versions import differs, snapshot
from billing.rules.errors import Invalid


@dataclass
class Kept:
    """What came of a change of prices: the version that was kept, and the run that moves subscriptions."""

    version: PlanVersion | None = None
    change: PriceChange | None = None


@contextmanager
def keeping_prices(plan: Plan, *, follow: str, by: Actor, at: datetime) -> Iterator[Kept]:
    """Around a change of a locked plan. `follow` (now, renewal, never): when its subscriptions pay the new prices."""
    if follow not in set(Follow):
        raise Invalid("Use now, renewal or never.", field="existing_subscriptions")
    kept = Kept()
    used = Subscription.objects.filter(plan=plan).exists()
    before = snapshot(plan) if used else None
    yield kept
    if before is None or not differs(before, snapshot(plan)):
        return
    kept.version = PlanVersion.objects.create(
        organization=plan.organization,
        plan=plan,
        number=plan.price_version,
        terms=before,
        replaced_at=at,
        replaced_by=by.label[:200],
    )
    plan.price_version += 1
    Plan.objects.filter(pk=plan.pk).update(price_version=plan.price_version)
    if follow != Follow.NEVER.value:
        kept.change = start_change(plan, Follow(follow), by=by, at=at)
