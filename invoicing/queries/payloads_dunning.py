"""Dunning as the API shows it: camelCase, money in major units."""

from __future__ import annotations

from billing.rules.ids import encode
from billing.rules.money import from_minor
from invoicing.models import DunningCampaign
from invoicing.queries.dunning_preview import Foreseen
from invoicing.queries.shapes_collecting import DunningCampaignOut, DunningPreviewOut


def campaign_payload(row: DunningCampaign) -> DunningCampaignOut:
    """A campaign of `campaigns_of`; `runningCount` is how many chases run."""
    return {
        "id": row.public_id,
        "name": row.name,
        "code": row.code,
        "description": row.description,
        "active": row.active,
        "thresholds": [
            {"currency": currency, "amount": from_minor(minor, currency)}
            for currency, minor in sorted(row.thresholds.items())
        ],
        "firstDay": row.first_day,
        "daysBetween": row.days_between,
        "maxAttempts": row.max_attempts,
        "steps": row.escalation,
        "bcc": row.bcc,
        "billingEntityIds": [encode("ent", item.billing_entity_id) for item in row.defaults.all()],
        "runningCount": row.running,  # type: ignore[attr-defined]
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    }


def foreseen_payload(found: Foreseen) -> DunningPreviewOut:
    """What a campaign would do: the debts (the largest fifty), their sums, and the days ahead."""
    return {
        "count": found.count,
        "belowThresholdCount": found.below,
        "stoppedCount": found.stopped,
        "overdue": [
            {"currency": currency, "amount": from_minor(minor, currency)} for currency, minor in found.sums
        ],
        "days": [
            {"on": day.on, "steps": [{"kind": kind.value, "count": number} for kind, number in day.steps]}
            for day in found.days
        ],
        "customers": [
            {
                "customerId": encode("cust", row.standing.customer_id),
                "currency": row.standing.currency,
                "overdueAmount": from_minor(row.standing.overdue_minor, row.standing.currency),
                "invoicesCount": row.standing.invoices,
                "running": row.running,
                "steps": [{"on": item.on, "kind": item.step.kind.value} for item in row.steps],
            }
            for row in found.rows
        ],
    }
