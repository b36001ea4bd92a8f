"""What events cost under charges in advance: one fee per event and charge, written in their order.

The caller holds the customer's lock, so that nobody else goes on from the same mark. The rules are those of
`billing/rules/advance.py`; an event is priced on top of what was billed before it, also one that comes late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.models import AdvanceFee, Aggregation, Charge, Event, Subscription
from billing.queries.schedules import schedule_of
from billing.rules.advance import advance, marginal
from billing.rules.charges.base import ChargeModel, Priced, Usage
from billing.rules.charges.registry import charge_model
from billing.rules.filters import Bucket
from billing.rules.money import ZERO, exact, round_half_up, to_minor
from billing.rules.periods import Period, days_in
from billing.rules.prorated import share_from
from invoicing.actions.rows import PLACES, step_json
from invoicing.models import InvoicedPeriod
from invoicing.queries.advance_parts import (
    Items,
    Standing,
    bucket_of,
    filter_of,
    group_of,
    items_of,
    name_of,
    standing_of,
    value_of,
)
from invoicing.queries.facts import USAGE
from invoicing.queries.rates import Rates
from invoicing.rules.states import InvoiceStatus

PartKey = tuple[UUID, Bucket, datetime]


@dataclass(frozen=True)
class Made:
    """A fee that was written, with the charge as it is priced and the steps of its price."""

    fee: AdvanceFee
    charge: Charge
    bucket: Bucket
    priced: Priced


class FeeBook:
    """Bills the events of one subscription one after the other, and remembers where each part stands."""

    def __init__(self, subscription: Subscription, tz: str, rates: Rates, events: Sequence[Event]) -> None:
        self.subscription, self.tz, self.rates, self.events = subscription, tz, rates, events
        self.schedule = schedule_of(subscription, tz)
        self.standings: dict[PartKey, Standing] = {}
        self.items: dict[tuple[UUID, datetime], Items] = {}
        self.billed = list(
            InvoicedPeriod.objects.filter(subscription=subscription, kind=USAGE)
            .order_by("start")
            .values_list("start", "end", "invoice__status")
        )

    def bill(self, event: Event) -> list[Made]:
        """A fee for each charge in advance that prices the event."""
        terms = self.rates.terms(self.subscription, event.timestamp)
        charges = [row for row in terms.charges if row.pay_in_advance and row.metric_id == event.metric_id]
        return [made for row in charges if (made := self.fee(row, event)) is not None]

    def fee(self, charge: Charge, event: Event) -> Made | None:
        """The fee of one event under one charge; none when the event does not take part."""
        period = self.period_of(event.timestamp)
        bucket = bucket_of(charge, event.properties)
        change = self.change_of(charge, event, period, bucket)
        if change is None:
            return None
        chosen = None if bucket.filter is None else charge.filters[bucket.filter]
        model: ChargeModel[Any] = charge_model(charge.charge_model)
        params = model.parse(chosen["properties"] if chosen else charge.properties)
        standing = self.standing(charge, bucket, period, by_event=model.needs_event_values(params))
        share = (
            share_from(event.timestamp, period.end, days_in(self.whole(event.timestamp), self.tz), self.tz)
            if charge.prorated
            else None
        )
        found = advance(standing.mark, change, share)
        before, values = standing.mark, standing.values
        if change < 0:
            priced = Priced.of()
        elif charge.charge_model == "dynamic":
            priced = model.price(params, Usage(change, 1, events_total=max(event.amount or ZERO, ZERO)))
        elif share is not None:
            priced = model.price(params, Usage(found.priced_units, 1, full_units=found.units))
        else:
            with exact():
                high, low = found.mark.highest + standing.carried, before.highest + standing.carried
            priced = marginal(
                model,
                params,
                Usage(high, standing.count + 1, (*values, change)),
                Usage(low, standing.count, tuple(values)),
            )
        values.append(change)
        standing.mark, standing.count = found.mark, standing.count + 1
        minor = max(to_minor(priced.total, self.subscription.currency), 0)
        if not self.subscription.billed_by_event:
            self.subscription.billed_by_event = True
            self.subscription.save(update_fields=["billed_by_event", "updated_at"])
        fee = AdvanceFee.objects.create(
            organization_id=self.subscription.organization_id,
            subscription=self.subscription,
            charge_id=charge.pk,
            event_id=event.pk,
            transaction_id=event.transaction_id,
            timestamp=event.timestamp,
            period_start=period.start,
            period_end=period.end,
            part=name_of(charge, bucket),
            position=standing.count,
            charge_filter=filter_of(charge, bucket),
            charge_group=group_of(charge, bucket),
            change=change,
            units=found.shown,
            billed_units=found.units,
            amount=round_half_up(priced.total, PLACES),
            amount_minor=minor,
            steps=[step_json(step) for step in priced.steps],
            current=found.mark.current,
            highest=found.mark.highest,
            prorated_units=found.mark.prorated,
            counts_at=None if charge.invoiceable else self.gathered_at(event.timestamp),
        )
        return Made(fee, charge, bucket, priced)

    def change_of(self, charge: Charge, event: Event, period: Period, bucket: Bucket) -> Decimal | None:
        """What the event does to the quantity; None when it does not take part."""
        if charge.metric.aggregation != Aggregation.UNIQUE_COUNT.value:
            return value_of(event, charge.metric.aggregation)
        if not event.text_value:
            return None
        key = (charge.pk, period.start)
        if key not in self.items:
            named = {
                row.text_value for row in self.events if row.metric_id == event.metric_id and row.text_value
            }
            self.items[key] = items_of(self.subscription, charge, period, named)
        moment = (event.timestamp, event.pk)
        return Decimal(self.items[key].add(bucket, event.text_value, moment, removes=event.removes))

    def standing(self, charge: Charge, bucket: Bucket, period: Period, *, by_event: bool) -> Standing:
        """Where the part stands."""
        key = (charge.pk, bucket, period.start)
        if key not in self.standings:
            self.standings[key] = standing_of(self.subscription, charge, bucket, period, by_event=by_event)
        return self.standings[key]

    def whole(self, at: datetime) -> Period:
        """The full period that holds a moment."""
        return self.schedule.usage_period_at(at)

    def period_of(self, at: datetime) -> Period:
        """The part of it that the subscription has lived."""
        whole = self.whole(at)
        return Period(max(whole.start, min(self.schedule.started_at, at)), whole.end)

    def gathered_at(self, at: datetime) -> datetime | None:
        """The moment by which a period's invoice gathers the fee: its own, as long as that invoice is not issued,
        else the beginning of what is billed next. None when the subscription is over and none comes any more.
        """
        until: datetime | None = None
        for start, end, status in self.billed:
            if start <= at < end and status == InvoiceStatus.DRAFT.value:
                return at
            until = end
        if self.subscription.is_ended:
            return None
        return at if until is None else max(at, until)
