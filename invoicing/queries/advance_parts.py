"""What stands of a charge in advance before an event is billed: the fees before it, and the items that are there."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from billing.models import AdvanceFee, Aggregation, Charge, Event, Subscription
from billing.queries.usage import parts_of
from billing.queries.usage_carried import line_of
from billing.queries.usage_facets import Part
from billing.rules.advance import Mark
from billing.rules.filters import Bucket, text_of
from billing.rules.money import ZERO, exact
from billing.rules.periods import Period

Moment = tuple[datetime, UUID]


@dataclass
class Standing:
    """A part of a charge in a period: its mark, the number of its fees, their changes in order (where the price asks
    for them), and what was in use when the period began.
    """

    mark: Mark = field(default_factory=Mark)
    count: int = 0
    values: list[Decimal] = field(default_factory=list)
    carried: Decimal = ZERO


@dataclass
class Items:
    """The items of a unique count: by part and item, what counts of its events, the last one decides."""

    last: dict[tuple[Bucket, str], tuple[Moment, bool]] = field(default_factory=dict)

    def add(self, bucket: Bucket, item: str, moment: Moment, *, removes: bool) -> int:
        """Count an event; what it does to the number of items that are there."""
        key = (bucket, item)
        before = key in self.last and not self.last[key][1]
        if key not in self.last or self.last[key][0] < moment:
            self.last[key] = (moment, removes)
        return int(not self.last[key][1]) - int(before)


def bucket_of(charge: Charge, properties: Mapping[str, Any]) -> Bucket:
    """The part of a charge that an event falls into."""
    sorting = charge.sorting
    keys = {key for one in sorting.filters for key in one.values} | set(sorting.group_keys)
    return sorting.bucket_of({key: text_of(properties.get(key)) for key in keys})


def filter_of(charge: Charge, bucket: Bucket) -> dict[str, Any] | None:
    """The filter of a part as it stands on a line; none for the charge's own price."""
    if bucket.filter is None:
        return None
    row = charge.filters[bucket.filter]
    return {name: row.get(name) for name in ("values", "invoice_display_name")}


def group_of(charge: Charge, bucket: Bucket) -> dict[str, str | None] | None:
    """The group of a part as it stands on a line."""
    return dict(zip(charge.group_keys, bucket.group, strict=True)) or None


def name_of(charge: Charge, bucket: Bucket) -> str:
    """A part's name in the table: a digest of its filter's values and its group, whatever their order is."""
    chosen = filter_of(charge, bucket)
    told = {"filter": chosen and chosen["values"], "group": group_of(charge, bucket)}
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def standing_of(
    subscription: Subscription, charge: Charge, bucket: Bucket, period: Period, *, by_event: bool
) -> Standing:
    """Where a part stands. `by_event`: the price asks for the single changes."""
    fees = AdvanceFee.objects.filter(
        subscription=subscription,
        charge=charge.pk,
        part=name_of(charge, bucket),
        period_start=period.start,
    ).order_by("position")
    last = fees.last()
    found = Standing(carried=ZERO if by_event else carried_units(subscription, charge, bucket, period))
    if last is None:
        return found
    found.mark = Mark(last.current, last.highest, last.prorated_units)
    found.count = last.position
    if by_event:
        found.values = list(fees.values_list("change", flat=True))
    return found


def carried_units(subscription: Subscription, charge: Charge, bucket: Bucket, period: Period) -> Decimal:
    """What was in use when the period began; only tiers and packages ask for it."""
    if not charge.metric.recurring or charge.charge_model == "standard":
        return ZERO
    for part in standing_parts(subscription, charge, period.start):
        if part.bucket == bucket:
            return max(part.measured.units, ZERO)
    return ZERO


def standing_parts(subscription: Subscription, charge: Charge, at: datetime) -> list[Part]:
    """What of a charge is in use just before a moment, by part."""
    plain = copy.copy(charge)
    plain.prorated = False
    return parts_of(subscription, [plain], at, at)[charge.pk]


def items_of(subscription: Subscription, charge: Charge, period: Period, items: Collection[str]) -> Items:
    """What is known of some items: the events that were billed in the period, and of a recurring metric all that came
    before it.
    """
    rows = Event.objects.filter(
        subscription__in=line_of(subscription),
        metric=charge.metric_id,
        text_value__in=items,
        timestamp__lt=period.end,
    )
    if not charge.metric.recurring:
        rows = rows.filter(timestamp__gte=period.start)
    events = list(rows.order_by("timestamp", "pk"))
    billed = set(
        AdvanceFee.objects.filter(
            charge=charge.pk, event_id__in=[row.pk for row in events if row.timestamp >= period.start]
        ).values_list("event_id", flat=True)
    )
    found = Items()
    for row in events:
        if row.text_value and (row.timestamp < period.start or row.pk in billed):
            found.add(
                bucket_of(charge, row.properties),
                row.text_value,
                (row.timestamp, row.pk),
                removes=row.removes,
            )
    return found


def value_of(event: Event, kind: str) -> Decimal | None:
    """What an event of a sum or count changes; None when it does not take part."""
    if kind == Aggregation.COUNT.value:
        return Decimal(1)
    if event.value is None:
        return None
    with exact():
        return event.value + ZERO
