"""Versions of prices, the runs that move subscriptions, and what a change means, as the API answers them."""

from __future__ import annotations

from typing import Any

from billing.models import Follow, PriceChange, PriceChangeRow
from billing.queries.payloads_catalog import milliseconds
from billing.queries.price_effect import Effect, Share
from billing.queries.shapes_catalog import (
    PriceChangeOut,
    PriceChangeRowOut,
    PriceDifferenceOut,
    PriceEffectOut,
    PriceShareOut,
    PriceVersionOut,
    WayOut,
)
from billing.queries.version_changes import Difference, Version
from billing.rules.ids import encode
from billing.rules.money import from_minor


def version_payload(version: Version) -> PriceVersionOut:
    """A version with what it changed and how many subscriptions pay it."""
    return {
        "version": version.number,
        "current": version.current,
        "since": milliseconds(version.made_at),
        "madeBy": version.made_by or None,
        "subscriptions": version.subscriptions,
        "changes": [difference_payload(one) for one in version.differences],
        "priceChangeId": version.change.public_id if version.change else None,
    }


def difference_payload(one: Difference) -> PriceDifferenceOut:
    """One part that changed."""
    return {
        "part": one.kind,
        "name": one.name or None,
        "currency": one.currency,
        "before": part_payload(one.before, one.currency),
        "after": part_payload(one.after, one.currency),
    }


def part_payload(value: Any, currency: str) -> Any:
    """An amount in major units; a charge as its model and properties; names and tax codes; None: there is none."""
    if isinstance(value, int):
        return from_minor(value, currency)
    if value is None or isinstance(value, str | list):
        return value
    found = {"chargeModel": value["charge_model"], "properties": value["properties"]}
    if value.get("min_amount_minor"):
        found["minAmount"] = from_minor(value["min_amount_minor"], currency)
    return found | {name: value[name] for name in ("units",) if name in value}


def change_payload(change: PriceChange, counts: dict[str, int]) -> PriceChangeOut:
    """A run: how many rows ended how."""
    return {
        "id": change.public_id,
        "planId": encode("pln", change.plan_id),
        "version": change.version,
        "existingSubscriptions": change.follow,
        "total": change.total,
        "moved": counts.get("moved", 0),
        "skipped": counts.get("skipped", 0),
        "failed": counts.get("failed", 0),
        "waiting": counts.get("waiting", 0),
        "at": milliseconds(change.at),
        "finishedAt": milliseconds(change.finished_at),
    }


def row_payload(row: PriceChangeRow) -> PriceChangeRowOut:
    """What came of one subscription."""
    return {
        "subscriptionId": encode("sub", row.subscription_id),
        "externalId": row.subscription.external_id,
        "outcome": row.outcome,
        "note": row.note or None,
        "currency": row.currency,
        "amountBefore": from_minor(row.before_minor, row.currency),
        "amountAfter": from_minor(row.after_minor, row.currency),
        "since": milliseconds(row.since),
    }


def effect_payload(effect: Effect | None) -> PriceEffectOut:
    """What a change would mean; None: nobody pays these prices, or they would not change."""
    return {
        "subscriptions": effect.subscriptions if effect else 0,
        "withOwnTerms": effect.own if effect else 0,
        "comparedUsage": effect.looked if effect else 0,
        "currencies": [share_payload(share) for share in effect.shares] if effect else [],
    }


def share_payload(share: Share) -> PriceShareOut:
    """The subscriptions in one currency, with what each way costs them more."""
    code = share.currency

    def way(follow: Follow) -> WayOut:
        return {
            "runningPeriods": from_minor(share.running_minor if follow == Follow.NOW else 0, code),
            "eachPeriodAfter": from_minor(0 if follow == Follow.NEVER else share.later_minor, code),
        }

    return {
        "currency": code,
        "subscriptions": share.subscriptions,
        "feesBefore": from_minor(share.before_minor, code),
        "feesAfter": from_minor(share.after_minor, code),
        "withoutPrice": share.unpriced,
        "renewal": way(Follow.RENEWAL),
        "now": way(Follow.NOW),
        "never": way(Follow.NEVER),
    }
