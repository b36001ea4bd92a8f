"""Thresholds and alerts of a subscription, with where its lifetime usage stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from billing.models import Alert, Subscription, UsageThreshold
from billing.queries.usage import current_usage
from billing.rules.thresholds import next_amount
from invoicing.queries.progressive import as_rule, billed_progressively, lifetime_usage, thresholds_of


@dataclass(frozen=True)
class Watched:
    """Minor units of the subscription's currency; `lifetime` None where no threshold asks for it."""

    thresholds: list[UsageThreshold]
    alerts: list[Alert]
    lifetime: int | None = None
    next_threshold: int | None = None


def watched(subscription: Subscription, at: datetime) -> Watched:
    """What watches the subscription. What was ever used is only measured for a running one with thresholds."""
    alerts = list(Alert.objects.kept().filter(subscription=subscription).select_related("metric"))
    rows = thresholds_of(subscription)
    if not rows or not subscription.is_live:
        return Watched(rows, alerts)
    report = current_usage(subscription, at, with_days=False)
    billed = billed_progressively(subscription, report.start, report.end)
    total = lifetime_usage(subscription, report.arrears_minor, billed).total
    return Watched(rows, alerts, total, next_amount(as_rule(rows), total))
