"""Expressions: what they give, what they refuse, and that nothing but their own small language is understood."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import FieldErrors, Invalid
from billing.rules.expression_trial import read_sample, sample_for, sample_properties, try_expression
from billing.rules.expressions import EventFacts, NotComputable, plain_text, read_expression

AT = datetime(2025, 3, 10, 9, 46, 40, 500000, tzinfo=UTC)
PROPERTIES = {
    "bytes": 1536,
    "text": "12.5",
    "on": True,
    "user-id": "u1",
    "less": "-3",
    "big": Decimal("1E+24"),
}


def value(text: str, properties: dict[str, object] | None = None) -> Decimal | str:
    return read_expression(text).value(
        EventFacts("calls", AT, PROPERTIES if properties is None else properties)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 2 - 3", "5"),
        ("12 / 3 / 2", "2"),
        ("-event.properties.less * 2 - 1", "5"),
        ("- - 2", "2"),
        ("0.1 + 0.2", "0.3"),
        ("1 / 3", "0.333333333333333333333333333333"),
        ("2 / 3", "0.666666666666666666666666666667"),
        ("1 / 3 * 3", "1"),
        ("event.properties.text * 2", "25"),
        ("event.properties.big / 1000000000000000000000000", "1"),
        ("round(event.properties.bytes / 1024, 2) * 3", "4.5"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("ROUND(1234, -2)", "1200"),
        ("ceil(1.01)", "2"),
        ("ceil(-1.99)", "-1"),
        ("floor(-1.01)", "-2"),
        ("floor(1.999, 2)", "1.99"),
        ("abs(-4)", "4"),
        ("min(3, event.properties.text, 9)", "3"),
        ("max(3, event.properties.text, 9)", "12.5"),
        ("event.timestamp", "1741600000.5"),
        ("floor(event.timestamp)", "1741600000"),
        ("event.code", "calls"),
        ("concat(event.code, '-', event.properties['user-id'], 0.50 + 0.50)", "calls-u11"),
        ('concat("é“", event.properties.on)', "é“true"),
        ("concat(1.10, 2)", "1.12"),
    ],
)
def test_what_an_expression_gives(text: str, expected: str) -> None:
    assert plain_text(value(text)) == expected


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", 0, "Enter an expression"),
        ("1 +", 4, "ends too early"),
        ("(1 + 2", 7, "ends too early"),
        ("round(1, ", 10, "ends too early"),
        ("1 2", 3, "“2” is not understood"),
        ("1 $ 2", 3, "“$” is not understood"),
        ("1 ** 2", 4, "not understood"),
        ("1e5", 2, "“e5”"),
        ("12345678901234567890123456", 26, "not understood"),
        ("event", 1, "event.properties.NAME"),
        ("1 + event.subscription", 5, "event.properties.NAME"),
        ("event.properties.a.b", 19, "not understood"),
        ("'open", 1, "not closed"),
        ("1 + eval('2')", 5, "there is no function “eval”"),
        ("__import__('os')", 1, "there is no function “__import__”"),
        ("round()", 1, "one or two values"),
        ("abs(1, 2)", 1, "one value"),
        ("1 + 'a'", 3, "only numbers"),
        ("event.code * 2", 12, "only numbers"),
        ("round(concat(1, 2))", 1, "only numbers"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, place: int, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_expression(text)
    assert (caught.value.code, caught.value.field) == ("invalid_expression", "expression")
    assert said in str(caught.value)
    assert not place or str(caught.value).startswith(f"At character {place}:"), str(caught.value)


def test_length_and_depth_are_bounded() -> None:
    with pytest.raises(Invalid, match="500 characters"):
        read_expression("1" + " " * 500)
    with pytest.raises(Invalid, match="50 levels"):
        read_expression("+".join(["1"] * 80))
    with pytest.raises(Invalid, match="50 levels"):
        read_expression("-" * 400 + "1")
    assert plain_text(value("(" * 200 + "1" + ")" * 200)) == "1"


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("event.properties.none + 1", "properties.none", "“none”, which is missing"),
        ("event.properties['user-id'] + 1", "properties.user-id", "“u1” is not a number"),
        ("event.properties.on + 1", "properties.on", "“true” is not a number"),
        ("1 / (event.properties.bytes - 1536)", "properties", "divides by 0"),
        ("event.properties.big * 10", "properties", "more than 25 digits"),
        ("round(1, 0.5)", "properties", "whole number"),
        ("round(event.properties.big / 3, 31)", "properties", "whole number"),
    ],
)
def test_what_cannot_be_computed_names_the_property(text: str, field: str, said: str) -> None:
    with pytest.raises(NotComputable) as caught:
        value(text)
    assert caught.value.field == field
    assert said in caught.value.message


@pytest.mark.parametrize("raw", [None, {"a": 1}, [1]])
def test_what_is_no_number_and_no_text_has_no_value(raw: object) -> None:
    with pytest.raises(NotComputable):
        value("concat(event.properties.x)", {"x": raw})


def test_a_text_may_not_grow_without_bounds() -> None:
    with pytest.raises(NotComputable, match="longer than 1000"):
        value("concat(event.properties.x, event.properties.x)", {"x": "a" * 600})


def test_a_text_for_a_number_is_refused_unless_it_is_one() -> None:
    ready = read_expression("concat(event.properties.a, event.properties.b)")
    assert ready.is_text
    assert ready.number(EventFacts("c", AT, {"a": 1, "b": "5"})) == 15
    with pytest.raises(NotComputable, match="“1x” is not a number"):
        ready.number(EventFacts("c", AT, {"a": 1, "b": "x"}))


NUMBERS = st.decimals("-1000", "1000", places=3, allow_nan=False)


@st.composite
def sums(draw: st.DrawFn, levels: int = 4) -> tuple[str, Fraction]:
    """An expression and its exact value, worked out with fractions beside it."""
    if not levels or draw(st.booleans()):
        number = draw(NUMBERS)
        return f"{abs(number):f}" if number >= 0 else f"(-{abs(number):f})", Fraction(number)
    left, one = draw(sums(levels - 1))
    right, other = draw(sums(levels - 1))
    operator = draw(st.sampled_from("+-*"))
    found = {"+": one + other, "-": one - other, "*": one * other}[operator]
    return f"({left} {operator} {right})", found


@given(sums())
def test_sums_and_products_are_exact(pair: tuple[str, Fraction]) -> None:
    text, expected = pair
    if len(text) > 500 or abs(expected) >= 10**25:
        return
    assert abs(Fraction(value(text)) - expected) <= Fraction(1, 2 * 10**30)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        ready = read_expression(text)
    except Invalid as error:
        assert error.field == "expression"
    else:
        try:
            ready.value(EventFacts("c", AT, {}))
        except NotComputable as problem:
            assert problem.message


def test_trying_on_a_sample() -> None:
    def tried(text: str, sample: str, **code: str) -> str:
        return try_expression(text, read_sample(sample), at=AT, **code)

    assert tried("event.properties.gb * 2", '{"gb": 0.1}') == "0.2"
    assert tried("event.properties.gb * 2", '{"properties": {"gb": "3"}}') == "6"
    sample = '{"timestamp": "2025-01-01T00:00:00Z", "code": "x"}'
    assert tried("concat(event.code, event.timestamp)", sample) == "x1735689600"
    assert tried("event.code", "{}", code="mine") == "mine"
    for text in ("[]", "{", '{"a": NaN'):
        with pytest.raises(Invalid) as caught:
            read_sample(text)
        assert caught.value.field == "event"
    with pytest.raises(Invalid, match="missing") as caught:
        tried("event.properties.gb", "{}")
    assert caught.value.field == "event"
    with pytest.raises(FieldErrors) as several:
        tried("1", '{"timestamp": "soon"}')
    assert several.value.errors[0][0] == "event.timestamp"


def test_a_sample_carries_what_the_expression_reads() -> None:
    text = "event.properties.a + event.properties['b c'] - event.properties.a"
    assert sample_properties("", text) == {"a": 10, "b c": 10}
    assert sample_properties("gb", "") == {"gb": 10}
    assert sample_properties("", "") == {}
    assert try_expression(text, read_sample(sample_for(text)), at=AT) == "10"
