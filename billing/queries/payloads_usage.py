"""Events and usage as the API answers them: camelCase, amounts in major units, prefixed ids."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from billing.models import Event, QuarantinedEvent
from billing.queries.payloads_catalog import filter_payload, step_payload
from billing.queries.shapes import (
    ChargeUsageOut,
    EventOut,
    FilterUsageOut,
    PartUsageOut,
    UsageListOut,
    UsageOut,
)
from billing.queries.usage import UsageReport
from billing.queries.usage_pricing import ChargeUsage, PartUsage
from billing.rules.ids import encode
from billing.rules.money import from_minor


def event_payload(row: Event | QuarantinedEvent) -> EventOut:
    """A stored event as `find_events` reads it, counted or in quarantine. `late`: it came when the invoice of
    its period was final.
    """
    counted = isinstance(row, Event)
    return {
        "id": row.public_id,
        "transactionId": row.transaction_id,
        "status": "accepted" if counted else "quarantined",
        "reason": None if counted else row.reason,  # type: ignore[union-attr]
        "subscriptionId": encode("sub", row.subscription_id) if row.subscription_id else None,
        "externalSubscriptionId": row.external_subscription_id,
        "code": row.metric.code if counted else row.code,  # type: ignore[union-attr]
        "timestamp": row.timestamp,
        "receivedAt": row.received_at if counted else row.created_at,  # type: ignore[union-attr]
        "properties": row.properties,
        "preciseTotalAmount": row.amount,
        "late": counted and row.late,  # type: ignore[union-attr]
    }


def charge_usage_payload(item: ChargeUsage, currency: str) -> ChargeUsageOut:
    """What a charge measured and costs."""
    projected = item.projected_minor
    return {
        "chargeId": item.charge.public_id,
        "metricCode": item.metric.code,
        "name": item.charge.invoice_name,
        "chargeModel": item.charge.charge_model,
        "aggregationType": item.metric.aggregation,
        "units": item.units,
        "eventsCount": item.events_count,
        "amount": from_minor(item.amount_minor, currency),
        "paidInAdvance": from_minor(item.paid_minor, currency) if item.charge.pay_in_advance else None,
        "projectedUnits": item.projected_units,
        "projectedAmount": None if projected is None else from_minor(projected, currency),
        "steps": [step_payload(step) for step in item.priced.steps],
        "filters": filters_payload(item, currency),
        "groups": [part_payload(part, currency) for part in item.parts] if item.charge.group_keys else [],
    }


def part_payload(part: PartUsage, currency: str) -> PartUsageOut:
    """A filter and group of a charge; `filter` null is the charge's own price."""
    return {
        "groupedBy": part.group,
        "filter": filter_payload(part.filter),
        "units": part.units,
        "eventsCount": part.events_count,
        "amount": from_minor(part.amount_minor, currency),
        "steps": [step_payload(step) for step in part.priced.steps],
    }


def filters_payload(item: ChargeUsage, currency: str) -> list[FilterUsageOut]:
    """What each filter of a charge came to, over all its groups; the charge's own price last, with null values."""
    if not item.charge.filters:
        return []
    found: list[FilterUsageOut] = []
    for at in (*range(len(item.charge.filters)), None):
        parts = [part for part in item.parts if part.bucket.filter == at]
        row = None if at is None else item.charge.filters[at]
        found.append(
            {
                "values": row["values"] if row else None,
                "invoiceDisplayName": row["invoice_display_name"] if row else "",
                "units": sum((part.units for part in parts), Decimal(0)),
                "eventsCount": sum(part.events_count for part in parts),
                "amount": from_minor(sum(part.amount_minor for part in parts), currency),
            }
        )
    return found


def usage_payload(report: UsageReport, tax_minor: int) -> UsageOut:
    """The usage of the running period. `amount` is without tax."""
    currency, projected = report.currency, report.projected_minor
    return {
        "subscriptionId": report.subscription.public_id,
        "externalSubscriptionId": report.subscription.external_id,
        "from": report.start,
        "to": report.end,
        "currency": currency,
        "amount": from_minor(report.amount_minor, currency),
        "taxAmount": from_minor(tax_minor, currency),
        "totalAmount": from_minor(report.amount_minor + tax_minor, currency),
        "projectedAmount": None if projected is None else from_minor(projected, currency),
        "eventsCount": report.events_count,
        "charges": [charge_usage_payload(item, currency) for item in report.charges],
    }


def usage_list_payload(reports: Sequence[tuple[UsageReport, int]], currency: str) -> UsageListOut:
    """The usage of several subscriptions of one currency, with its sum in `meta`."""
    amount = sum(report.amount_minor for report, _ in reports)
    tax = sum(tax for _, tax in reports)
    return {
        "data": [usage_payload(report, tax) for report, tax in reports],
        "meta": {
            "total": len(reports),
            "currency": currency,
            "amount": from_minor(amount, currency),
            "taxAmount": from_minor(tax, currency),
            "totalAmount": from_minor(amount + tax, currency),
        },
    }
