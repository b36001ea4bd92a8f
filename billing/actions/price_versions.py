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

from django.db import transaction

from billing.actions import catalog
from billing.actions.price_changes import start_change
from billing.models import Follow, Plan, PlanVersion, PriceChange, Subscription
from billing.orm.actor import Actor
from billing.queries.price_effect import Effect, effect_of
from billing.queries.versions import differs, snapshot
from billing.rules.errors import Conflict, Invalid

ASK = "ask"


class Unconfirmed(Conflict):
    """Prices would change for subscriptions that exist, and nobody has said when they follow. Nothing was written."""

    def __init__(self, effect: Effect) -> None:
        super().__init__(
            f"{effect.subscriptions} subscriptions pay these prices. Say when they follow: now, renewal or never.",
            code="existing_subscriptions",
            field="existing_subscriptions",
        )
        self.effect = effect


@dataclass
class Kept:
    """What came of a change of prices: the version that was kept, and the run that moves subscriptions."""

    version: PlanVersion | None = None
    change: PriceChange | None = None


@contextmanager
def keeping_prices(plan: Plan, *, follow: str, by: Actor, at: datetime) -> Iterator[Kept]:
    """Around a change of a locked plan. `follow` (now, renewal, never): when its subscriptions pay the new prices;
    `ask`: raise Unconfirmed with what each way means when there are any, so that the caller's transaction is undone.
    """
    if follow != ASK and follow not in set(Follow):
        raise Invalid("Use now, renewal or never.", field="existing_subscriptions")
    kept = Kept()
    used = Subscription.objects.filter(plan=plan).exists()
    before = snapshot(plan) if used else None
    yield kept
    after = snapshot(plan) if before is not None else None
    if before is None or after is None or not differs(before, after):
        return
    if follow == ASK:
        effect = effect_of(plan, before, after, at)
        if effect.subscriptions:
            raise Unconfirmed(effect)
        follow = Follow.NEVER.value
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


@contextmanager
def as_seen(plan: Plan, version: int | None) -> Iterator[None]:
    """Around a change that somebody confirmed after seeing what it means for the prices of `version`. When they have
    changed since (another tab, another person), Conflict (prices_changed): it has to be looked at again.
    """
    with transaction.atomic():
        if version is not None and catalog.lock(plan).price_version != version:
            raise Conflict(
                "The prices have changed meanwhile. Look at the difference again.", code="prices_changed"
            )
        yield
