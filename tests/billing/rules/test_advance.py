"""What an event costs in advance, by hand and by property."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.advance import Mark, advance, marginal, paid_units, paid_units_prorated
from billing.rules.charges.base import Usage
from billing.rules.charges.registry import charge_model
from billing.rules.proration import Share

CHANGES = st.lists(st.decimals(-100, 100, places=2), max_size=20)
GRADUATED = {
    "graduatedRanges": [
        {"fromValue": 0, "toValue": 10, "perUnitAmount": "1", "flatAmount": "5"},
        {"fromValue": 11, "toValue": None, "perUnitAmount": "2", "flatAmount": "0"},
    ]
}


def test_only_what_is_above_the_highest_is_billed() -> None:
    mark = Mark()
    billed, shown = [], []
    for change in (10, -5, 2, 6, -20, 3):
        found = advance(mark, Decimal(change))
        mark = found.mark
        billed.append(found.units)
        shown.append(found.shown)
    assert billed == [10, 0, 0, 3, 0, 0]
    assert shown == [10, 0, 2, 6, 0, 3]
    assert mark == Mark(Decimal(-4), Decimal(13), Decimal(13))


def test_a_prorated_event_counts_from_its_day() -> None:
    found = advance(Mark(), Decimal(1), Share(21, 31))
    assert (found.units, found.priced_units) == (1, Decimal("0.67742"))
    again = advance(advance(found.mark, Decimal(-1)).mark, Decimal(1), Share(3, 31))
    assert (again.units, again.priced_units, again.shown) == (0, 0, 1)
    assert again.mark.prorated == Decimal("0.67742")


@pytest.mark.parametrize(
    ("mark", "total", "units", "prorated"),
    [
        (Mark(), "5", "5", "2.74194"),  # carried over only: 5 x 17 / 31
        (Mark(Decimal(4), Decimal(6), Decimal("3.8")), "9", "11", "6.54194"),
        (Mark(Decimal(-5), Decimal(20), Decimal("8.5")), "-5", "20", "8.5"),
        (Mark(), "-5", "0", "0"),
    ],
)
def test_current_usage(mark: Mark, total: str, units: str, prorated: str) -> None:
    assert paid_units(mark, Decimal(total)) == Decimal(units)
    assert paid_units_prorated(mark, Decimal(total), Share(17, 31)) == Decimal(prorated)


@given(CHANGES)
def test_the_events_of_a_period_pay_for_its_highest_quantity(changes: list[Decimal]) -> None:
    mark, billed, level, highest = Mark(), Decimal(0), Decimal(0), Decimal(0)
    for change in changes:
        found = advance(mark, change)
        assert found.units >= 0
        assert found.units <= max(change, Decimal(0))
        mark, billed = found.mark, billed + found.units
        level += change
        highest = max(highest, level)
    assert (mark.current, mark.highest, billed) == (level, highest, highest)
    assert paid_units(mark, level) == highest


def usage(*values: Decimal) -> Usage:
    return Usage(sum(values, Decimal(0)), len(values), values)


@pytest.mark.parametrize(
    ("values", "amounts"), [((8, 4, 1), ["13", "6", "2"]), ((10, 1), ["15", "2"]), ((0, 3), ["0", "8"])]
)
def test_flat_amounts_are_paid_by_the_event_that_opens_the_tier(
    values: tuple[int, ...], amounts: list[str]
) -> None:
    model = charge_model("graduated")
    params = model.parse(GRADUATED)
    decimals = [Decimal(value) for value in values]
    found = [
        marginal(model, params, usage(*decimals[: i + 1]), usage(*decimals[:i])).total
        for i in range(len(decimals))
    ]
    assert found == [Decimal(amount) for amount in amounts]


@pytest.mark.parametrize(
    ("properties", "values", "amounts"),
    [
        ({"rate": "5", "fixedAmount": "1", "freeUnitsPerTotalAggregation": "3"}, (5, 1), ["1.10", "1.05"]),
        ({"rate": "1", "fixedAmount": "1", "freeUnitsPerEvents": 1}, (1, 1), ["0", "1.01"]),
        ({"rate": "10", "perTransactionMinAmount": "2"}, (5, 50), ["2", "5"]),
        ({"rate": "10"}, (5, -3), ["0.5", "0"]),
    ],
)
def test_percentages_in_advance(
    properties: dict[str, object], values: tuple[int, ...], amounts: list[str]
) -> None:
    model = charge_model("percentage")
    params = model.parse(properties)
    decimals = [Decimal(value) for value in values]
    found = [
        marginal(model, params, usage(*decimals[: i + 1]), usage(*decimals[:i])).total
        for i in range(len(decimals))
    ]
    assert found == [Decimal(amount) for amount in amounts]


@given(st.lists(st.decimals(0, 30, places=1), min_size=1, max_size=12))
def test_marginal_prices_sum_to_the_price_of_the_period(values: list[Decimal]) -> None:
    model = charge_model("graduated")
    params = model.parse(GRADUATED)
    paid = Decimal(0)
    for i in range(len(values)):
        priced = marginal(model, params, usage(*values[: i + 1]), usage(*values[:i]))
        assert sum((step.amount for step in priced.steps), Decimal(0)) == priced.total
        paid += priced.total
    assert paid == (model.price(params, usage(*values)).total if any(values) else 0)
