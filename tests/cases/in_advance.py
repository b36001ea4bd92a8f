"""Charges in advance: the fee of each event, in the order in which they come."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.rules.advance import Mark, advance, marginal
from billing.rules.aggregation import Aggregation, UsageEvent, in_order, parse_value, unique_steps
from billing.rules.charges.base import Usage
from billing.rules.charges.registry import charge_model
from billing.rules.filters import Matcher, Sorting, text_of
from billing.rules.money import ZERO, to_minor
from billing.rules.periods import BillingTime, Interval, days_in
from billing.rules.prorated import share_from
from billing.rules.windows import Schedule
from tests.cases.charges import camel
from tests.cases.comparing import Answers, Unordered
from tests.cases.given import Given, NotBuilt, NotOffered, moment
from tests.cases.registry import area
from tests.cases.world import chosen, declared_of


@area("charge.pay_in_advance")
def pay_in_advance(given: Given) -> Answers:
    """Units and amount of each event's fee."""
    given.ignore("pay_in_advance", "premium")
    if "custom" in (given["charge_model"], given.part("aggregation")["type"].removesuffix("_agg")):
        raise NotOffered("aggregations written in Ruby")
    if given.get("other_events"):
        raise NotBuilt("renewals of charges in advance")
    fees = Fees(given).all()
    return {"fees": Unordered(fees) if given.get("compare") == "sorted" else fees}


class Fees:
    """Walks over the events and keeps the mark of each group."""

    def __init__(self, given: Given) -> None:
        aggregation = given.part("aggregation")
        self.kind = Aggregation(aggregation["type"].removesuffix("_agg"))
        self.field = aggregation.get("field_name")
        self.recurring = aggregation.get("recurring", False)
        self.model = charge_model(given["charge_model"])
        properties = dict(given["properties"])
        self.keys = properties.pop("grouped_by", []) or properties.pop("pricing_group_keys", [])
        self.params = self.model.parse(camel(properties))
        self.filters = [dict(row) for row in given.get("filters", [])]
        declared = {row["key"]: row["values"] for row in declared_of(self.filters)}
        self.sorting = Sorting(tuple(Matcher.of(chosen(row), declared) for row in self.filters))
        self.currency = given.get("currency", "EUR")
        self.prorated = given.get("prorated", False)
        start = given.moment("subscribed_at")
        self.schedule = Schedule(
            interval=Interval(given.get("interval", "monthly")),
            billing_time=BillingTime(given.get("billing_time", "calendar")),
            anchor=start,
            tz=given.get("timezone", "UTC"),
            pay_in_advance=False,
            started_at=start,
        )
        self.events = [dict(row) for row in given["events_in_order"]]
        self.marks: dict[tuple[Any, ...], Mark] = {}
        self.values: dict[tuple[Any, ...], list[Decimal]] = {}
        self.seen: dict[tuple[Any, ...], list[UsageEvent]] = {}

    def all(self) -> list[Answers]:
        return [self.fee(row) for row in self.events]

    def fee(self, row: dict[str, Any]) -> Answers:
        at = moment(row.pop("timestamp", None) or row["at"])
        row.pop("at", None)
        own = row.get("properties", row)
        period = self.schedule.usage_period_at(at)
        part = self.sorting.bucket_of({key: text_of(value) for key, value in own.items()}).filter
        params = self.params if part is None else self.model.parse(camel(self.filters[part]["properties"]))
        group = (period.start, part, *(own.get(key) for key in self.keys))
        seen, values = self.seen.setdefault(group[1:], []), self.values.setdefault(group, [])
        event = UsageEvent.of(at, own, self.field, len(seen))
        seen.append(event)
        change = self.change(event, seen)
        mark = self.marks.get(group, Mark())
        share = (
            share_from(at, period.end, days(self.schedule, at), self.schedule.tz) if self.prorated else None
        )
        found = advance(mark, change, share)
        self.marks[group] = found.mark
        values.append(change)
        if self.prorated:
            priced = marginal(self.model, params, Usage(found.priced_units, 1), Usage(ZERO))
        else:
            before, after = mark.highest, found.mark.highest
            priced = marginal(
                self.model,
                params,
                Usage(after, len(values), tuple(values)),
                Usage(before, len(values) - 1, tuple(values[:-1])),
            )
        minor = to_minor(priced.total, self.currency)
        return {"units": found.shown, "amount_cents": minor}

    def change(self, event: UsageEvent, seen: list[UsageEvent]) -> Decimal:
        """What the event changes the quantity by."""
        if self.kind is Aggregation.COUNT:
            return Decimal(1)
        if self.kind is Aggregation.UNIQUE_COUNT:
            steps = unique_steps(in_order(seen))
            return Decimal(next((step for one, _, step in steps if one is event), 0))
        return parse_value(event.value) or ZERO


def days(schedule: Schedule, at: datetime) -> int:
    """The days of the full period."""
    return days_in(schedule.usage_period_at(at), schedule.tz)
