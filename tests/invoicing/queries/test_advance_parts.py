"""Items of a unique count in advance: whatever the order in which events are billed, they come to what is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.rules.aggregation import Aggregation, UsageEvent, aggregate
from billing.rules.filters import Bucket
from billing.rules.periods import Period
from invoicing.queries.advance_parts import Items

START = datetime(2026, 3, 1, tzinfo=UTC)
WHOLE = Period(START, START + timedelta(days=31))
EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.booleans()), max_size=20).flatmap(
    lambda events: st.permutations(list(enumerate(events)))
)


@given(EVENTS)
def test_changes_sum_to_what_the_metric_counts(events: list[tuple[int, tuple[str, int, bool]]]) -> None:
    """`events`: (order of reception, (item, day, whether it is taken away)), in the order of billing."""
    items, total, seen = Items(), 0, []
    for order, (item, day, removes) in events:
        at = START + timedelta(days=day)
        total += items.add(Bucket(), item, (at, UUID(int=order)), removes=removes)
        seen.append(UsageEvent(at, item, order, "remove" if removes else "add"))
        assert total == aggregate(Aggregation.UNIQUE_COUNT, seen, WHOLE).units
