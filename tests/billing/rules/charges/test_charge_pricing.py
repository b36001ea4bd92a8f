"""Charge models: hand-checked prices, and what holds for any usage."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.charges.base import Priced, Usage, plain
from billing.rules.charges.registry import CHARGE_MODELS, charge_model, price
from billing.rules.errors import Invalid
from billing.rules.money import exact

AMOUNT = st.decimals(0, 1000, places=4).map(lambda d: f"{d:f}")
UNITS = st.one_of(st.integers(0, 500).map(Decimal), st.decimals(0, 500, places=3))


@st.composite
def ranges(draw: st.DrawFn, price_field: str, flat: bool = True) -> list[dict[str, Any]]:
    ends = sorted(draw(st.sets(st.integers(1, 400), max_size=4)))
    gap = draw(st.sampled_from([0, 1]))
    starts = [0, *(end + gap for end in ends)]
    return [
        {
            "fromValue": start,
            "toValue": end,
            price_field: draw(AMOUNT),
            "flatAmount": draw(AMOUNT) if flat else "0",
        }
        for start, end in zip(starts, [*ends, None], strict=True)
    ]


PROPERTIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "standard": st.fixed_dictionaries({"amount": AMOUNT}),
    "graduated": st.fixed_dictionaries({"graduatedRanges": ranges("perUnitAmount")}),
    "graduated_percentage": st.fixed_dictionaries({"graduatedPercentageRanges": ranges("rate")}),
    "volume": st.fixed_dictionaries({"volumeRanges": ranges("perUnitAmount")}),
    "package": st.fixed_dictionaries(
        {"amount": AMOUNT, "packageSize": st.integers(1, 50), "freeUnits": st.integers(0, 50)}
    ),
    "percentage": st.fixed_dictionaries(
        {"rate": AMOUNT},
        optional={
            "fixedAmount": AMOUNT,
            "freeUnitsPerEvents": st.integers(1, 4),
            "freeUnitsPerTotalAggregation": AMOUNT,
            "perTransactionMinAmount": st.just("1.75"),
            "perTransactionMaxAmount": st.just("12"),
        },
    ),
    "dynamic": st.just({}),
}
CHARGES = st.sampled_from(sorted(CHARGE_MODELS)).flatmap(
    lambda name: st.tuples(st.just(name), PROPERTIES[name])
)


def usage_of(values: list[Decimal]) -> Usage:
    with exact():
        total = sum(values, Decimal(0))
    return Usage(total, len(values), tuple(values), events_total=total)


@given(CHARGES, st.lists(UNITS, max_size=6))
def test_the_steps_make_the_total(charge: tuple[str, dict[str, Any]], values: list[Decimal]) -> None:
    priced = price(*charge, usage_of(values))
    with exact():
        assert sum((step.amount for step in priced.steps), Decimal(0)) == priced.total
    assert priced.total >= 0
    assert all(step.label for step in priced.steps)


@given(CHARGES)
def test_properties_survive_storing(charge: tuple[str, dict[str, Any]]) -> None:
    model = charge_model(charge[0])
    params = model.parse(charge[1])
    assert model.parse(model.serialize(params)) == params


@given(CHARGES, st.decimals(-500, Decimal("-0.001"), places=3))
def test_negative_usage_costs_nothing(charge: tuple[str, dict[str, Any]], units: Decimal) -> None:
    assert price(*charge, Usage(units, 1, (units,))) == Priced(Decimal(0), ())


@pytest.mark.parametrize("name", ["standard", "graduated", "graduated_percentage", "package"])
@given(data=st.data())
def test_more_usage_never_costs_less(name: str, data: st.DataObject) -> None:
    properties = data.draw(PROPERTIES[name])
    low, high = sorted([data.draw(UNITS), data.draw(UNITS)])
    assert price(name, properties, Usage(low)).total <= price(name, properties, Usage(high)).total


@given(ranges("perUnitAmount", flat=False), UNITS)
def test_graduated_without_flat_amounts_is_continuous(rows: list[dict[str, Any]], units: Decimal) -> None:
    tiny = Decimal("1e-9")
    dearest = max(Decimal(row["perUnitAmount"]) for row in rows)
    before = price("graduated", {"graduatedRanges": rows}, Usage(units)).total
    after = price("graduated", {"graduatedRanges": rows}, Usage(units + tiny)).total
    assert 0 <= after - before <= tiny * dearest


@given(ranges("perUnitAmount"), st.integers(0, 500))
def test_graduated_counts_unit_by_unit(rows: list[dict[str, Any]], units: int) -> None:
    """Each whole unit pays its tier; a tier's flat amount is due from its first unit (tier 1: always)."""
    total = Decimal(rows[0]["flatAmount"])
    ends = [row["toValue"] for row in rows]
    for unit in range(1, units + 1):
        tier = next(i for i, end in enumerate(ends) if end is None or unit <= end)
        total += Decimal(rows[tier]["perUnitAmount"])
        if tier and unit == ends[tier - 1] + 1:
            total += Decimal(rows[tier]["flatAmount"])
    assert price("graduated", {"graduatedRanges": rows}, Usage(Decimal(units))).total == total


@given(ranges("perUnitAmount"), UNITS)
def test_volume_prices_all_units_at_one_tier(rows: list[dict[str, Any]], units: Decimal) -> None:
    row = next(row for row in rows if row["toValue"] is None or units <= row["toValue"])
    expected = units * Decimal(row["perUnitAmount"]) + Decimal(row["flatAmount"])
    assert price("volume", {"volumeRanges": rows}, Usage(units)).total == expected


@given(st.integers(1, 50), st.integers(0, 50), UNITS)
def test_packages_are_the_fewest_that_hold_the_units(size: int, free: int, units: Decimal) -> None:
    properties = {"amount": "1", "packageSize": size, "freeUnits": free}
    packages = price("package", properties, Usage(units)).total
    assert packages * size >= units - free
    assert packages == 0 or (packages - 1) * size < units - free


@given(AMOUNT, AMOUNT, st.lists(st.decimals(0, 500, places=2), max_size=6))
def test_wide_limits_do_not_change_a_percentage(rate: str, fixed: str, values: list[Decimal]) -> None:
    usage = usage_of(values)
    plain_price = price("percentage", {"rate": rate, "fixedAmount": fixed}, usage)
    limits = {"perTransactionMinAmount": "0", "perTransactionMaxAmount": "99999999"}
    limited = price("percentage", {"rate": rate, "fixedAmount": fixed, **limits}, usage)
    assert limited.total == plain_price.total


def tiers(*rows: tuple[int, int | None, str, str]) -> dict[str, Any]:
    names = ("fromValue", "toValue", "perUnitAmount", "flatAmount")
    return {"graduatedRanges": [dict(zip(names, row, strict=True)) for row in rows]}


@pytest.mark.parametrize(
    ("units", "total"),
    [("0", "5"), ("1", "6"), ("10", "15"), ("10.5", "17.25"), ("11", "17.5"), ("12", "18")],
)
def test_graduated_by_hand(units: str, total: str) -> None:
    properties = tiers((0, 10, "1", "5"), (11, None, "0.5", "2"))
    assert price("graduated", properties, Usage(Decimal(units))).total == Decimal(total)


def test_graduated_steps_read_well() -> None:
    properties = tiers((0, 1000, "0.1", "0"), (1001, 5000, "0.05", "0"), (5001, None, "0.01", "5"))
    steps = price("graduated", properties, Usage(Decimal(6000))).steps
    assert [(step.label, step.units, step.amount) for step in steps] == [
        ("First 1,000 units", 1000, 100),
        ("Next 4,000 units", 4000, 200),
        ("Above 5,000 units", 1000, 15),
    ]


def test_percentage_by_event() -> None:
    """1.3 % + 2 per event; the first 3 events are free while they stay below 250 together."""
    properties = {
        "rate": "1.3",
        "fixedAmount": "2",
        "freeUnitsPerEvents": 3,
        "freeUnitsPerTotalAggregation": "250",
    }
    values = [Decimal(value) for value in (50, 100, 250, 400)]
    priced = price("percentage", properties, usage_of(values))
    assert [(step.kind, step.units, step.amount) for step in priced.steps] == [
        ("free", 250, 0),
        ("percentage", 550, Decimal("7.15")),
        ("fixed", 2, 4),
    ]
    assert price("percentage", properties, usage_of([])).total == 0


def test_the_event_that_reaches_the_free_amount_pays_its_fixed_amount() -> None:
    properties = {"rate": "10", "fixedAmount": "1", "freeUnitsPerTotalAggregation": "30"}
    exactly = usage_of([Decimal(10), Decimal(20)])
    assert price("percentage", properties, exactly).total == 1
    limited = {**properties, "perTransactionMaxAmount": "100"}
    assert price("percentage", limited, exactly).total == 1
    assert price("percentage", properties, usage_of([Decimal(10), Decimal(19)])).total == 0


def test_percentage_with_limits_shows_what_they_did() -> None:
    properties = {"rate": "2.99", "perTransactionMinAmount": "1.75", "perTransactionMaxAmount": "12"}
    priced = price("percentage", properties, usage_of([Decimal(v) for v in (10, 80, 10000)]))
    by_kind = {step.kind: step for step in priced.steps}
    assert priced.total == Decimal("16.142")
    assert by_kind["minimum"].amount == Decimal("1.451")
    assert by_kind["maximum"].amount == Decimal("-287")


def test_prorated_graduated_opens_tiers_by_the_highest_quantity() -> None:
    properties = tiers((0, 5, "10", "100"), (6, None, "5", "50"))
    values, prorated = ["4", "2", "-3"], ["2.8", "1", "-0.6"]
    usage = Usage(
        units=Decimal("3.2"),
        events_count=3,
        event_values=tuple(map(Decimal, values)),
        prorated_values=tuple(map(Decimal, prorated)),
        full_units=Decimal(3),
    )
    priced = price("graduated", properties, usage)
    assert priced.total == Decimal("180.5")
    assert [step.flat_amount for step in priced.steps] == [100, 50]
    # More taken away than charged: the flat amounts stay.
    removed = Usage(
        Decimal("-1"), 2, (Decimal(2), Decimal(-2)), (Decimal("0.1"), Decimal("-0.9")), Decimal(0)
    )
    assert price("graduated", properties, removed).total == Decimal(100)
    below = Usage(Decimal("0.1"), 2, (Decimal(2), Decimal(-3)), (Decimal(1), Decimal("-0.9")), Decimal(-1))
    assert price("graduated", properties, below).total == 0


def test_parts_of_days_make_whole_cents() -> None:
    # Three times a third of a unit at 0.01: exactly one cent, not the 0.99999... of three roundings.
    properties = tiers((0, None, "0.01", "0"))
    with exact():
        third = Decimal(1) / 3
    usage = Usage(Decimal(1), 3, (Decimal(1),) * 3, (third,) * 3, Decimal(3))
    assert price("graduated", properties, usage).total == Decimal("0.01")


def test_volume_is_chosen_by_full_units_when_prorated() -> None:
    rows = tiers((0, 10, "2", "0"), (11, None, "1", "3"))["graduatedRanges"]
    usage = Usage(Decimal("6.5"), 1, full_units=Decimal(20))
    assert price("volume", {"volumeRanges": rows}, usage).total == Decimal("9.5")


def test_unknown_model_names_the_field() -> None:
    with pytest.raises(Invalid) as refused:
        charge_model("per_moon")
    assert (refused.value.field, refused.value.code) == ("chargeModel", "unknown_charge_model")


def test_plain_numbers() -> None:
    numbers = [plain(Decimal(text)) for text in ("1000.50", "1E+3", "0.10", "100")]
    assert numbers == ["1,000.5", "1,000", "0.1", "100"]


def test_prices_grow_along_the_tiers() -> None:
    properties = tiers((0, 10, "1", "5"), (11, None, "0.5", "2"))
    prices = [price("graduated", properties, Usage(Decimal(units))).total for units in range(30)]
    assert all(after > before for before, after in pairwise(prices))
