"""Usage thresholds and alerts as the API and webhooks show them."""

from __future__ import annotations

from decimal import Decimal

from billing.models import Alert, AlertCrossing, UsageThreshold
from billing.queries.shapes import AlertOut, AlertStepOut, CrossingOut, UsageThresholdOut
from billing.rules.ids import encode
from billing.rules.money import from_minor


def threshold_payload(row: UsageThreshold, currency: str) -> UsageThresholdOut:
    """One threshold; its amount in major units, without tax."""
    return {
        "id": row.public_id,
        "amount": from_minor(row.amount_minor, currency),
        "name": row.name,
        "recurring": row.recurring,
    }


def alert_payload(row: Alert) -> AlertOut:
    """One alert; values are major units or units, as its kind says."""
    thresholds: list[AlertStepOut] = [
        {"value": Decimal(step["value"]), "code": step["code"], "recurring": False} for step in row.steps
    ]
    if row.recurring is not None:
        thresholds.append({"value": row.recurring, "code": "", "recurring": True})
    return {
        "id": row.public_id,
        "type": row.kind,
        "code": row.code,
        "name": row.name,
        "subscriptionId": encode("sub", row.subscription_id) if row.subscription_id else None,
        "walletId": encode("wal", row.wallet_id) if row.wallet_id else None,
        "metricId": encode("met", row.metric_id) if row.metric_id else None,
        "thresholds": thresholds,
        "previousValue": row.previous_value,
        "lastCheckedAt": row.looked_at,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }


def crossing_payload(row: AlertCrossing) -> CrossingOut:
    """What an alert has told; expects its alert."""
    return {
        "alert": alert_payload(row.alert),
        "previousValue": row.previous_value,
        "currentValue": row.value,
        "crossedThresholds": [
            {"value": Decimal(step["value"]), "code": step["code"], "recurring": step["recurring"]}
            for step in row.crossed
        ],
        "triggeredAt": row.at,
    }
