"""/api/subscriptions/{id}/thresholds and /lifetime-usage."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from django.http import HttpRequest
from ninja import Field

from billing.actions.clock import now
from billing.actions.thresholds import ThresholdTerms, set_subscription_thresholds
from billing.models import Subscription
from billing.queries.payloads_alerts import threshold_payload
from billing.queries.shapes import SubscriptionThresholdsOut
from billing.queries.usage import current_usage
from billing.rules.amounts import exact_minor
from billing.rules.money import from_minor
from billing.rules.thresholds import next_amount
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.api.subscriptions import router, row_of
from customers.queries.shapes import LifetimeUsageOut
from invoicing.queries.progressive import (
    as_rule,
    billed_progressively,
    lifetime_usage,
    plan_thresholds,
    thresholds_of,
)


class UsageThresholdIn(ApiSchema):
    """An amount of usage in major units, without tax."""

    amount: Decimal = Field(gt=0)
    name: str = Field("", max_length=100)
    recurring: bool = False


class ThresholdsIn(ApiSchema):
    """All own thresholds of the subscription. `progressiveBilling` false: none makes an invoice."""

    thresholds: list[UsageThresholdIn] = Field(max_length=20)
    progressive_billing: bool = True
    historical_usage: Decimal | None = Field(None, ge=0)


@router.get("/{id}/thresholds")
def list_thresholds(request: HttpRequest, id: str) -> Object[SubscriptionThresholdsOut]:
    """The thresholds that count for the subscription, and whose they are."""
    return envelope(subscription_thresholds(row_of(cast(ApiRequest, request), id)))


@router.put("/{id}/thresholds")
def put_thresholds(request: HttpRequest, id: str, body: ThresholdsIn) -> Object[SubscriptionThresholdsOut]:
    """Replace the subscription's own thresholds; without any, those of its plan count."""
    staff = cast(ApiRequest, request)
    row = row_of(staff, id)
    currency = row.currency
    before = body.historical_usage
    row = set_subscription_thresholds(
        row,
        terms_of(body.thresholds, currency),
        progressive_billing=body.progressive_billing,
        historical_minor=None if before is None else exact_minor(before, currency, field="historical_usage"),
        by=staff.actor,
        at=now(staff.organization),
    )
    return envelope(subscription_thresholds(row))


@router.get("/{id}/lifetime-usage")
def get_lifetime_usage(request: HttpRequest, id: str) -> Object[LifetimeUsageOut]:
    """What the subscription has used in its life, without tax."""
    staff = cast(ApiRequest, request)
    row = row_of(staff, id)
    report = current_usage(row, now(staff.organization), with_days=False)
    billed = billed_progressively(row, report.start, report.end)
    usage = lifetime_usage(row, report.arrears_minor, billed)
    following = next_amount(as_rule(thresholds_of(row)), usage.total)
    currency = report.currency
    return envelope(
        {
            "subscriptionId": row.public_id,
            "currency": currency,
            "historicalUsage": from_minor(usage.historical, currency),
            "invoicedUsage": from_minor(usage.invoiced, currency),
            "currentUsage": from_minor(usage.current, currency),
            "progressivelyBilled": from_minor(usage.progressive, currency),
            "total": from_minor(usage.total, currency),
            "nextThreshold": None if following is None else from_minor(following, currency),
        }
    )


def terms_of(rows: list[UsageThresholdIn], currency: str) -> list[ThresholdTerms]:
    """From major to minor units; Invalid names the field."""
    return [
        ThresholdTerms(exact_minor(row.amount, currency, field="thresholds"), row.name, row.recurring)
        for row in rows
    ]


def subscription_thresholds(row: Subscription) -> SubscriptionThresholdsOut:
    """What counts, in order."""
    own = row.thresholds.all()
    return {
        "subscriptionId": row.public_id,
        "progressiveBilling": row.progressive_billing,
        "inherited": not own,
        "historicalUsage": from_minor(row.historical_usage_minor, row.currency),
        "thresholds": [threshold_payload(item, row.currency) for item in (own or plan_thresholds(row))],
    }
