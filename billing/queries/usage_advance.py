"""Current usage of charges in advance: what their events came to when they were billed, not priced anew.

Laws. A charge's amount is the sum of its fees in the window and of what stayed in use when its period began; `paid`
is the part that invoices of their own, or the invoice of the period's beginning, have asked for. The rest waits for
the invoice at the end. Units are those that were measured, so an event that waits to be billed shows in them already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.apps import apps
from django.db.models import Q, Sum

from billing.models import AdvanceFee, Charge, Event, Subscription
from billing.queries.usage_facets import Part
from billing.queries.usage_pricing import GROWING, ChargeUsage, PartUsage, label_of, summed
from billing.rules.charges.base import Priced, Step
from billing.rules.money import ZERO, exact, from_minor, to_minor

PartName = tuple[UUID, str]
BY_EVENT = "Billed event by event"
STAYED = "In use when the period begins"


@dataclass(frozen=True)
class Fees:
    """What a part came to: `paid_minor` by events that have an invoice, `stayed_minor` by what the period began with
    (paid too), `open` exact and not on an invoice yet.
    """

    paid_minor: int = 0
    stayed_minor: int = 0
    open: Decimal = ZERO


def name_of(charge_filter: dict[str, Any] | None, group: dict[str, str | None] | None) -> str:
    """A part's name, whatever the order of its keys."""
    values = charge_filter["values"] if charge_filter else None
    return orjson.dumps([values, group or {}], option=orjson.OPT_SORT_KEYS).decode()


def fees_of(
    subscription: Subscription, charges: Iterable[Charge], start: datetime, end: datetime
) -> dict[PartName, Fees]:
    """What the parts of charges in advance came to in [start, end). No query without such charges."""
    keys = [row.pk for row in charges if row.pay_in_advance]
    found: dict[PartName, Fees] = defaultdict(Fees)
    if not keys:
        return found
    within = Q(counts_at=None, timestamp__gte=start, timestamp__lt=end)
    gathered = Q(counts_at__gte=start, counts_at__lt=end)
    rows = AdvanceFee.objects.filter(within | gathered, subscription=subscription, charge__in=keys)
    sums = (
        rows.order_by()
        .values("charge_id", "charge_filter", "charge_group")
        .annotate(
            paid=Sum("amount_minor", filter=Q(invoice__isnull=False)),
            open=Sum("amount", filter=Q(invoice=None, counts_at__isnull=False)),
        )
    )
    for row in sums:
        name: PartName = (row["charge_id"], name_of(row["charge_filter"], row["charge_group"]))
        found[name] = Fees(row["paid"] or 0, 0, row["open"] or ZERO)
    lines: Any = apps.get_model("invoicing", "InvoiceLine").objects.filter(
        subscription=subscription,
        charge__in=keys,
        kind="charge",
        period_start=start,
        invoice__periods__kind="advance",
        invoice__periods__subscription=subscription,
        invoice__periods__start=start,
    )
    for line in lines:
        name = (line.charge_id, name_of(line.charge_filter, line.charge_group))
        found[name] = replace(found[name], stayed_minor=found[name].stayed_minor + line.amount_minor)
    return found


def fees_of_events(charge: Charge, events: Iterable[Event]) -> dict[UUID, AdvanceFee]:
    """{event id: what it came to under a charge}."""
    rows = AdvanceFee.objects.filter(charge=charge.pk, event_id__in=[row.pk for row in events])
    return {row.event_id: row for row in rows.select_related("invoice")}


def fees_count(subscription: Subscription, start: datetime, end: datetime) -> int:
    """How many events of [start, end) were billed in advance."""
    rows = AdvanceFee.objects.filter(subscription=subscription, timestamp__gte=start, timestamp__lt=end)
    return rows.count()


def advance_usage(
    subscription: Subscription,
    charge: Charge,
    parts: list[Part],
    fees: dict[PartName, Fees],
    share_passed: Decimal | None,
) -> ChargeUsage:
    """A charge in advance with what its events came to."""
    made = tuple(
        advance_part(subscription, charge, part, fees.get(part_name(charge, part), Fees()), share_passed)
        for part in parts
    )
    return summed(charge, made, projects=share_passed is not None)


def part_name(charge: Charge, part: Part) -> PartName:
    """How a measured part is named among the fees."""
    chosen = None if part.bucket.filter is None else charge.filters[part.bucket.filter]
    return charge.pk, name_of(chosen, dict(zip(charge.group_keys, part.bucket.group, strict=True)))


def advance_part(
    subscription: Subscription, charge: Charge, part: Part, fees: Fees, share_passed: Decimal | None
) -> PartUsage:
    """One part: its units as measured, its amount as billed. Projected by elapsed time where it grows."""
    currency, measured = subscription.currency, part.measured
    with exact():
        by_event = from_minor(fees.paid_minor, currency) + fees.open
    steps = [Step("advance", STAYED, from_minor(fees.stayed_minor, currency))] if fees.stayed_minor else []
    steps += [Step("advance", BY_EVENT, by_event)] if by_event or not steps else []
    paid = fees.paid_minor + fees.stayed_minor
    amount = paid + max(to_minor(fees.open, currency), 0)
    units = max(measured.units, ZERO)
    projected, projected_units = None, None
    if share_passed:
        grows = charge.metric.aggregation in GROWING and not charge.metric.recurring
        with exact():
            factor = 1 / share_passed if grows else Decimal(1)
            projected_units = (units * factor).quantize(Decimal("0.01")) if grows else units
            projected = to_minor(from_minor(amount, currency) * factor, currency)
    return PartUsage(
        part.bucket,
        label_of(charge, part.bucket),
        None if part.bucket.filter is None else charge.filters[part.bucket.filter],
        dict(zip(charge.group_keys, part.bucket.group, strict=True)),
        units,
        measured.events_count,
        Priced.of(*steps),
        amount,
        measured.received,
        projected,
        projected_units,
        paid,
    )
