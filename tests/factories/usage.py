"""Subscriptions with usage for tests. Events go through the real action."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.actions.usage import EventResult, ingest
from billing.models import Metric, Organization, Plan, Subscription
from billing.rules.events import IncomingEvent
from customers.models import Customer
from tests.factories.catalog import charge, make_metric, make_plan
from tests.factories.customers import make_customer
from tests.factories.people import counter, make_organization

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
AT = datetime(2026, 3, 15, 12, tzinfo=UTC)


def make_subscription(
    customer: Customer,
    plan: Plan,
    *,
    started_at: datetime = START,
    next_billing_at: datetime | None = END,
    **fields: Any,
) -> Subscription:
    """An active subscription as a row, since `started_at`: usage needs its life only."""
    values: dict[str, Any] = {"external_id": f"sub-{next(counter)}", "status": "active"}
    return Subscription.objects.create(
        organization=customer.organization,
        customer=customer,
        plan=plan,
        currency=plan.currency,
        amount_minor=plan.amount_minor,
        subscription_at=started_at,
        started_at=started_at,
        next_billing_at=next_billing_at,
        **(values | fields),
    )


def make_metered(
    aggregations: Iterable[str] = ("sum",), organization: Organization | None = None, **fields: Any
) -> tuple[Subscription, list[Metric]]:
    """A subscription to a plan with one charge of 0.10 a unit per aggregation, and its metrics."""
    organization = organization or make_organization()
    metrics = [make_metric(organization, aggregation=kind) for kind in aggregations]
    plan = make_plan(organization, [charge(metric) for metric in metrics])
    return make_subscription(make_customer(organization), plan, **fields), metrics


def event(
    subscription: Subscription | str,
    metric: Metric | str,
    value: Any = None,
    *,
    at: datetime | None = AT,
    id: str = "",
    **properties: Any,
) -> IncomingEvent:
    """An event of a metric; `value` becomes the property that it measures."""
    if value is not None:
        properties["value"] = value
    return IncomingEvent(
        transaction_id=id or f"t{next(counter)}",
        subscription=subscription if isinstance(subscription, str) else subscription.external_id,
        code=metric if isinstance(metric, str) else metric.code,
        timestamp=at,
        properties=properties,
    )


def use(
    subscription: Subscription, metric: Metric, *values: Decimal | int | str, at: datetime = AT
) -> list[EventResult]:
    """Send one event per value and take them in."""
    events = [event(subscription, metric, value, at=at) for value in values]
    return ingest(subscription.organization, events, at=at)
