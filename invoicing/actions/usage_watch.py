"""Looking at subscriptions that have new events: their alerts tell, their thresholds bill.

Laws. Taking in events leaves a row for each subscription that is watched; a look takes the rows away in the
transaction in which it looks, so none is lost and none is done twice: rows that another worker holds are skipped, and
what comes meanwhile has rows of its own. A look that fails becomes a job, which staff see and can run again.
"""

from __future__ import annotations

import logging
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum

from billing.actions import alerts, later
from billing.actions.clock import now
from billing.actions.locks import lock_customer_of
from billing.models import Alert, AlertKind, Subscription, UsageActivity
from billing.orm.actor import Actor
from billing.queries.usage import UsageReport, current_usage
from billing.rules.money import ZERO, exact, from_minor
from billing.rules.states import LIVE
from invoicing.actions.progressive import bill_passed
from invoicing.models import InvoiceLine
from invoicing.queries.progressive import COUNTED, billed_progressively, lifetime_usage

logger = logging.getLogger(__name__)
AT_ONCE = 500
KIND = AlertKind


def run(where: Q | None = None, at: datetime | None = None) -> int:
    """Look at every subscription that has new events; how many. `at`: the moment, else each organization's clock."""
    rows = UsageActivity.objects.filter(where or Q()).order_by("subscription_id").distinct("subscription_id")
    found = list(rows.values_list("subscription_id", flat=True)[:AT_ONCE])
    for key in found:
        try:
            look_at(key, at=at)
        except Exception:  # one subscription of many: the others are still looked at
            logger.exception("Looking at the usage of subscription %s failed.", key)
            hand_over(key)
    return len(found)


@transaction.atomic
def look_at(subscription_id: UUID, *, at: datetime | None = None) -> bool:
    """Look at one subscription if it has rows that nobody holds."""
    rows = UsageActivity.objects.filter(subscription=subscription_id).select_for_update(skip_locked=True)
    keys = list(rows.values_list("pk", flat=True))
    if not keys:
        return False
    watch(find(subscription_id), at=at)
    UsageActivity.objects.filter(pk__in=keys).delete()
    return True


@transaction.atomic
def hand_over(subscription_id: UUID) -> None:
    """Make a job of a look that failed: it has a reason and a button."""
    subscription = find(subscription_id)
    UsageActivity.objects.filter(subscription=subscription).delete()
    later.enqueue_again(
        subscription.organization,
        "invoicing.watch_subscription",
        key=f"usage-watch:{subscription.pk}",
        label=f"Thresholds and alerts of {subscription}",
        subject_id=subscription.pk,
    )


def find(subscription_id: UUID) -> Subscription:
    """The subscription with what a look needs."""
    rows = Subscription.objects.select_related("plan", "customer__billing_entity", "organization")
    return rows.get(pk=subscription_id)


@transaction.atomic
def watch(subscription: Subscription, *, at: datetime | None = None) -> None:
    """Alerts first, then the invoice: an alert tells what was used, whatever is billed of it."""
    lock_customer_of(subscription, joined=False)
    subscription = find(subscription.pk)
    if subscription.status not in {status.value for status in LIVE}:
        return
    moment = at or now(subscription.organization)
    rows = Alert.objects.kept().filter(subscription=subscription).select_related("organization", "metric")
    found = list(rows.select_for_update(of=("self",)).order_by("pk"))
    if found:
        report = current_usage(subscription, moment, with_days=False)
        for alert in found:
            alert.subscription = subscription
            value = value_of(alert, subscription, report)
            if value is not None:
                alerts.look(alert, value, since=report.start, at=moment)
    bill_passed(subscription, by=Actor.system(), at=moment)


def value_of(alert: Alert, subscription: Subscription, report: UsageReport) -> Decimal | None:
    """What an alert looks at: major units or units; None when its metric is not priced by the plan."""
    currency = report.currency
    if alert.kind == KIND.USAGE_AMOUNT.value:
        return from_minor(report.amount_minor, currency)
    if alert.kind == KIND.LIFETIME_AMOUNT.value:
        billed = billed_progressively(subscription, report.start, report.end)
        return from_minor(lifetime_usage(subscription, report.arrears_minor, billed).total, currency)
    charges = [item for item in report.charges if item.metric.pk == alert.metric_id]
    if not charges:
        return None
    if alert.kind == KIND.METRIC_AMOUNT.value:
        return from_minor(sum(item.amount_minor for item in charges), currency)
    units = max((item.units for item in charges), default=ZERO)
    if alert.kind == KIND.METRIC_UNITS.value:
        return units
    lines = InvoiceLine.objects.filter(
        organization=subscription.organization_id,
        subscription__external_id=subscription.external_id,
        subscription__customer=subscription.customer_id,
        charge__metric=alert.metric_id,
        kind="charge",
        invoice__type__in=("subscription", "advance_charges"),
        invoice__status__in=COUNTED,
        period_start__lt=report.start,  # what was billed in advance of the running period is in `units`
    )
    before = lines.aggregate(total=Sum("units"))["total"] or ZERO
    with exact():
        return Decimal(before) + units
