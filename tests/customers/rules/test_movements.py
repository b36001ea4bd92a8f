"""Movements of recurring revenue, checked by hand, and the identity that holds for every month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from customers.rules.movements import Movement, Span, movements

MOMENTS = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4)]


def day(month: int, number: int) -> datetime:
    """A moment of 2026."""
    return datetime(2026, month, number, tzinfo=UTC)


def test_the_example_of_the_law() -> None:
    spans = [Span("a", day(1, 10), day(2, 5), 100), Span("a", day(2, 5), day(3, 20), 150)]
    assert movements(spans, MOMENTS) == [
        Movement(start=0, new=100),
        Movement(start=100, expansion=50),
        Movement(start=150, churn=150),
    ]


def test_a_second_subscription_expands_and_its_end_contracts() -> None:
    spans = [Span("a", day(1, 1), None, 100), Span("a", day(1, 2), day(2, 28), 30)]
    assert movements(spans, MOMENTS) == [
        Movement(start=100, expansion=30),
        Movement(start=130, contraction=30),
        Movement(start=100),
    ]


def test_gains_and_losses_of_two_customers_stand_side_by_side() -> None:
    spans = [Span("a", day(1, 1), day(1, 20), 100), Span("b", day(1, 5), None, 70)]
    assert movements(spans, MOMENTS[:2]) == [Movement(start=100, new=70, churn=100)]


def test_who_comes_back_is_new_and_a_short_stay_leaves_no_trace() -> None:
    spans = [
        Span("a", day(1, 1), day(1, 15), 100),
        Span("a", day(3, 3), None, 100),
        Span("b", day(2, 2), day(2, 20), 500),
    ]
    assert movements(spans, MOMENTS) == [Movement(start=100, churn=100), Movement(), Movement(new=100)]


def test_the_start_belongs_to_a_span_and_its_end_does_not() -> None:
    span = Span("a", day(1, 1), day(2, 1), 100)
    assert span.covers(day(1, 1)) and not span.covers(day(2, 1))


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 120), st.integers(0, 120), st.integers(0, 10_000)),
        max_size=12,
    )
)
def test_each_month_ends_where_the_next_begins(rows: list[tuple[str, int, int, int]]) -> None:
    begin = MOMENTS[0] - timedelta(days=10)
    spans = [
        Span(customer, begin + timedelta(days=start), begin + timedelta(days=start + length), minor)
        for customer, start, length, minor in rows
    ]
    found = movements(spans, MOMENTS)
    for number, item in enumerate(found):
        end = sum(span.minor for span in spans if span.covers(MOMENTS[number + 1]))
        assert item.end == end
        assert min(item.new, item.expansion, item.contraction, item.churn) >= 0
        if number:
            assert item.start == found[number - 1].end
