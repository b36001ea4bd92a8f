"""Bad charge properties: every problem is reported under the field that has it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.charges.reading import to_decimal
from billing.rules.charges.registry import CHARGE_MODELS, charge_model
from billing.rules.errors import FieldErrors


def row(start: Any, end: Any, price: Any = "1", flat: Any = "0") -> dict[str, Any]:
    return {"fromValue": start, "toValue": end, "perUnitAmount": price, "flatAmount": flat}


def problems(model: str, properties: Any) -> dict[str, str]:
    with pytest.raises(FieldErrors) as refused:
        charge_model(model).parse(properties)
    assert refused.value.status == 400
    assert refused.value.field == refused.value.errors[0][0]
    return dict(refused.value.errors)


@pytest.mark.parametrize(
    "raw",
    [
        "NaN",
        "Infinity",
        "-inf",
        "1e3",
        "1E-7",
        "+1",
        ".5",
        "5.",
        "1,5",
        "1 000",
        "0x10",
        "\u0661",
        "abc",
        True,
        0.5,
        [],
        {},
        "1" * 21,
        "0." + "1" * 16,
        Decimal("NaN"),
        Decimal("Infinity"),
        -1,
        "-0.01",
    ],
)
def test_not_an_amount(raw: Any) -> None:
    assert list(problems("standard", {"amount": raw})) == ["amount"]


@pytest.mark.parametrize("raw", ["0", "0.05", " 12.50 ", 3, Decimal("1E+2"), "9" * 20 + "." + "9" * 15])
def test_an_amount(raw: Any) -> None:
    charge_model("standard").parse({"amount": raw})


def test_messages_say_what_to_do() -> None:
    assert problems("standard", {}) == {"amount": "This field is required."}
    assert problems("standard", {"amount": "  "}) == {"amount": "This field is required."}
    assert problems("standard", {"amount": "-1"}) == {"amount": "Must not be negative."}
    assert problems("standard", {"amount": "1e9"}) == {
        "amount": 'Must be a number written as text, like "0.05".'
    }
    assert problems("standard", {"amount": "1" * 30})["amount"].startswith("Has too many digits")
    assert problems("standard", {"amount": "1", "rate": "2"}) == {
        "rate": "Is not a property of this charge model."
    }
    assert problems("dynamic", {"amount": "1"})
    assert problems("standard", ["amount"])["properties"] == "Must be an object."


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        (None, "graduatedRanges"),
        ([], "graduatedRanges"),
        ("0-10", "graduatedRanges"),
        ([row(1, None)], "graduatedRanges[0].fromValue"),
        ([row(0, 10)], "graduatedRanges[0].toValue"),
        ([row(0, None), row(1, None)], "graduatedRanges[0].toValue"),
        ([row(0, 10), row(12, None)], "graduatedRanges[1].fromValue"),
        ([row(0, 10), row(9, None)], "graduatedRanges[1].fromValue"),
        ([row(0, 10), row(11, 10), row(11, None)], "graduatedRanges[1].toValue"),
        ([row(0, 0), row(1, None)], "graduatedRanges[0].toValue"),
        ([row(0, 10, "x"), row(11, None)], "graduatedRanges[0].perUnitAmount"),
        ([row(0, 10), row(11, None, "1", "-2")], "graduatedRanges[1].flatAmount"),
        ([{**row(0, None), "colour": "red"}], "graduatedRanges[0].colour"),
        ([row(0, 10), "11-20"], "graduatedRanges[1]"),
    ],
)
def test_ranges(rows: Any, field: str) -> None:
    assert field in problems("graduated", {"graduatedRanges": rows})


def test_all_problems_come_at_once() -> None:
    found = problems("package", {"amount": "-1", "packageSize": 0, "freeUnits": "1.5"})
    assert found == {
        "amount": "Must not be negative.",
        "packageSize": "Must be 1 or more.",
        "freeUnits": "Must be a whole number.",
    }


def test_percentage_limits_must_not_cross() -> None:
    properties = {"rate": "1", "perTransactionMinAmount": "5", "perTransactionMaxAmount": "4"}
    assert list(problems("percentage", properties)) == ["perTransactionMaxAmount"]
    assert list(problems("percentage", {"rate": "1", "freeUnitsPerEvents": 0})) == ["freeUnitsPerEvents"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["amount", "rate", "packageSize", "graduatedRanges", "volumeRanges", "fromValue", "toValue", "flatAmount"]
)


@given(st.sampled_from(sorted(CHARGE_MODELS)), st.dictionaries(NAMES, JSON, max_size=5) | JSON)
def test_anything_else_is_refused_politely(model: str, properties: Any) -> None:
    """Whatever comes in, the answer is parameters that survive storing, or named problems."""
    try:
        params = charge_model(model).parse(properties)
    except FieldErrors as refused:
        assert all(field and message for field, message in refused.errors)
    else:
        assert charge_model(model).parse(charge_model(model).serialize(params)) == params


@given(st.text(max_size=30))
def test_text_is_a_plain_number_or_refused(text: str) -> None:
    try:
        value = to_decimal(text)
    except ValueError:
        return
    assert value >= 0
    assert set(text.strip()) <= set("0123456789.")
