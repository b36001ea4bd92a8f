"""Who uses a part of the catalogue: asked before it is changed or deleted, and shown beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Count, Q, QuerySet

from billing.models import (
    AppliedCoupon,
    Charge,
    Coupon,
    Event,
    Metric,
    Plan,
    QuarantinedEvent,
    Subscription,
    Tax,
)
from billing.rules.states import OPEN

OPEN_STATUSES = [status.value for status in OPEN]


@dataclass(frozen=True)
class MetricUse:
    """`plans`: kept plans with a charge on the metric, each with `open_subscriptions`; `drafts`: draft
    invoices that bill such a charge; `events`: whether any event has been counted."""

    plans: list[Plan]
    charges: int
    drafts: int
    events: bool

    @property
    def busy(self) -> list[Plan]:
        """Plans that somebody is subscribed to."""
        return [plan for plan in self.plans if plan.open_subscriptions]  # type: ignore[attr-defined]


@dataclass(frozen=True)
class PlanUse:
    """`open`: pending and live subscriptions; `ever`: all there have been; `drafts`: draft invoices."""

    open: int
    ever: int
    drafts: int


@dataclass(frozen=True)
class TaxUse:
    """How many kept plans, charges and customers name the tax."""

    plans: int
    charges: int
    customers: int

    @property
    def total(self) -> int:
        """All of them together."""
        return self.plans + self.charges + self.customers


@dataclass(frozen=True)
class CouponUse:
    """`active`: applications that still lower invoices; `ever`: all there have been."""

    active: int
    ever: int


def with_open_subscriptions(plans: QuerySet[Plan]) -> QuerySet[Plan]:
    """Plans with `open_subscriptions`, the number of pending and live ones."""
    return plans.annotate(
        open_subscriptions=Count(
            "subscriptions", filter=Q(subscriptions__status__in=OPEN_STATUSES), distinct=True
        )
    )


def draft_lines(**lookup: Any) -> int:
    """The number of draft invoices that have a line with this."""
    lines = apps.get_model("invoicing", "InvoiceLine").objects.filter(invoice__status="draft", **lookup)
    return lines.values("invoice_id").distinct().count()


def metric_use(metric: Metric) -> MetricUse:
    """Everything that hangs on a metric."""
    charges = Charge.objects.kept().filter(metric=metric, plan__deleted_at=None)
    plans = with_open_subscriptions(Plan.objects.filter(pk__in=charges.values("plan_id"))).order_by("name")
    return MetricUse(
        plans=list(plans),
        charges=charges.count(),
        drafts=draft_lines(charge__metric=metric),
        events=has_events(metric),
    )


def has_events(metric: Metric) -> bool:
    """Whether an event has been counted by the metric: then its code and what it measures stay."""
    return Event.objects.filter(organization_id=metric.organization_id, metric=metric).exists()


def waiting_events(metric: Metric) -> int:
    """Quarantined events that carry the metric's code."""
    return QuarantinedEvent.objects.of(metric.organization_id).filter(code=metric.code).count()


def plan_use(plan: Plan) -> PlanUse:
    """Who is on a plan."""
    counts = Subscription.objects.filter(plan=plan).aggregate(
        open=Count("pk", filter=Q(status__in=OPEN_STATUSES)), ever=Count("pk")
    )
    return PlanUse(**counts, drafts=draft_lines(subscription__plan=plan))


def tax_use(tax: Tax) -> TaxUse:
    """What names a tax."""
    customers = apps.get_model("customers", "Customer").objects
    return TaxUse(
        plans=Plan.objects.kept().filter(taxes=tax).count(),
        charges=Charge.objects.kept().filter(taxes=tax, plan__deleted_at=None).count(),
        customers=customers.kept().filter(taxes=tax).count(),
    )


def coupon_use(coupon: Coupon) -> CouponUse:
    """Who has a coupon."""
    rows = AppliedCoupon.objects.filter(coupon=coupon)
    return CouponUse(active=rows.active().count(), ever=rows.count())
