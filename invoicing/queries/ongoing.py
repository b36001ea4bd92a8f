"""What a customer has used and not been billed for, by what wallets may be limited to, with tax."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, OuterRef

from billing.models import Charge, Subscription
from billing.queries.schedules import customer_zone
from billing.queries.usage import running_window
from billing.rules.money import ZERO, exact
from billing.rules.tax import TaxedLine
from billing.rules.wallets import Bucket
from invoicing.models import InvoiceLine, InvoiceType
from invoicing.queries.advance_lines import gathered_lines
from invoicing.queries.facts import USAGE, Window, less_billed, usage_lines
from invoicing.queries.rates import Rates
from invoicing.rules.lines import Line
from invoicing.rules.states import InvoiceStatus
from invoicing.rules.totals import buckets_of, fee_type


def unbilled(customer: Any, at: datetime) -> dict[str, list[Bucket]]:
    """{currency: usage of the running periods less what is billed of it already (progressively, or in advance), and
    the drafts of subscriptions}. Usage as on the Usage tab, before coupons; drafts as they stand, with theirs.
    """
    caps: dict[str, dict[tuple[str, str | None], Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    rates, tz = Rates(customer.organization_id), customer_zone(customer)
    charges = Charge.objects.filter(plan=OuterRef("plan"))  # deleted ones too: earlier prices have them
    rows = Subscription.objects.filter(Exists(charges), customer=customer).live().select_related("plan")
    for subscription in rows.order_by("pk"):
        subscription.customer = customer
        for bucket in buckets_of(*running(subscription, at, tz, rates)):
            add(caps[subscription.currency], bucket)
    for currency, bucket in drafted(customer):
        add(caps[currency], bucket)
    return {
        currency: [Bucket(cap, fee_type, metric_id) for (fee_type, metric_id), cap in found.items() if cap]
        for currency, found in caps.items()
    }


def add(caps: dict[tuple[str, str | None], Decimal], bucket: Bucket) -> None:
    """One more part of what is used."""
    with exact():
        caps[bucket.fee_type, bucket.metric_id] += bucket.cap


def running(
    subscription: Subscription, at: datetime, tz: str, rates: Rates
) -> tuple[Sequence[Line], list[TaxedLine]]:
    """The usage of the running period as lines, and what of them is taxed."""
    window = Window(subscription, USAGE, *running_window(subscription, at))
    lines, _ = less_billed(
        window, usage_lines(window, tz=tz, currency=subscription.currency, rates=rates, whole=True)
    )
    if subscription.billed_by_event:  # what events in advance came to and the end of the period collects
        lines += gathered_lines(subscription, window.period, rates)
    return lines, [
        TaxedLine(Decimal(line.amount_minor - line.progressive_minor), line.facts.taxes) for line in lines
    ]


def drafted(customer: Any) -> list[tuple[str, Bucket]]:
    """(currency, what a line of a draft asks for); wallets never pay for what is billed once."""
    rows = InvoiceLine.objects.filter(
        invoice__customer=customer,
        invoice__status=InvoiceStatus.DRAFT.value,
        invoice__type=InvoiceType.SUBSCRIPTION.value,
    ).values_list(
        "invoice__currency",
        "kind",
        "charge__metric",
        F("amount_minor") - F("progressive_minor") + F("tax_minor"),
        "coupon_minor",
    )
    with exact():
        return [
            (currency, Bucket(Decimal(minor) - coupon, fee_type(kind), str(metric) if metric else None))
            for currency, kind, metric, minor, coupon in rows
        ]
