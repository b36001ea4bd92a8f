"""Which values stay: hand-checked tables, and laws that hold for any two customers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import Invalid, Locked
from customers.rules.merging import COLUMNS, FIELDS, Choice, Strategy, choices, resolved, says_nothing

KEEP, FILL, TAKE = Strategy.KEEP_TARGET, Strategy.FILL_MISSING, Strategy.KEEP_SOURCE


def customer(**values: Any) -> dict[str, Any]:
    """All columns, empty but for the given ones."""
    objects = {"metadata": {}, "custom_fields": {}, "tax_identifiers": {}, "tag_ids": [], "taxes": []}
    empty = dict.fromkeys(COLUMNS, "") | objects
    numbers = {name: None for name in COLUMNS if name.endswith(("_minor", "_days"))}
    flags = {"default_auto_top_up_enabled": False, "vat_validation_disabled": False, "prefer_einvoice": False}
    return empty | numbers | flags | {"currency": "EUR", "vat_status": "unvalidated"} | values


def merged(strategy: Strategy, target: dict[str, Any], source: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The columns of the target afterwards."""
    return target | resolved(target, source, choices(target, source, strategy, **more))


@pytest.mark.parametrize(
    ("strategy", "target", "source", "expected"),
    [
        (KEEP, "Acme", "ACME Ltd", "Acme"),
        (KEEP, "", "ACME Ltd", ""),
        (FILL, "Acme", "ACME Ltd", "Acme"),
        (FILL, "", "ACME Ltd", "ACME Ltd"),
        (TAKE, "Acme", "ACME Ltd", "ACME Ltd"),
        (TAKE, "Acme", "", "Acme"),
    ],
)
def test_one_value(strategy: Strategy, target: str, source: str, expected: str) -> None:
    assert merged(strategy, customer(name=target), customer(name=source))["name"] == expected


@pytest.mark.parametrize(
    ("column", "target", "source", "filled"),
    [
        ("customer_type", "unknown", "business", "business"),
        ("customer_type", "consumer", "business", "consumer"),
        ("net_payment_term_days", None, 0, 0),
        ("net_payment_term_days", 0, 30, 0),
        ("zero_amount_invoices", False, True, False),
        ("taxes", [], ["a"], ["a"]),
    ],
)
def test_what_counts_as_missing(column: str, target: Any, source: Any, filled: Any) -> None:
    assert merged(FILL, customer(**{column: target}), customer(**{column: source}))[column] == filled


def test_an_address_is_never_mixed() -> None:
    target, source = (
        customer(city="Berlin"),
        customer(address_line1="Long Street 1", city="Kampala", country="UG"),
    )
    assert merged(FILL, target, source)["address_line1"] == ""
    found = merged(TAKE, target, source)
    assert (found["address_line1"], found["city"], found["country"]) == ("Long Street 1", "Kampala", "UG")


def test_a_number_brings_its_vat_status_along() -> None:
    target = customer(tax_id="DE1", vat_status="valid")
    source = customer(tax_id="DE2", vat_status="pending")
    assert merged(TAKE, target, source)["vat_status"] == "pending"
    assert merged(TAKE, target, customer(tax_id="DE1", vat_status="invalid"))["vat_status"] == "valid"


@pytest.mark.parametrize(("strategy", "color"), [(KEEP, "red"), (FILL, "red"), (TAKE, "blue")])
def test_objects_are_united_key_by_key(strategy: Strategy, color: str) -> None:
    target, source = (
        customer(metadata={"color": "red", "a": 1}),
        customer(metadata={"color": "blue", "b": None}),
    )
    assert merged(strategy, target, source)["metadata"] == {"color": color, "a": 1, "b": None}


def test_a_key_can_be_left_out() -> None:
    target, source = customer(metadata={"a": 1}), customer(metadata={"b": 2})
    chosen = {"metadata.a": "source", "metadata.b": "target"}
    assert merged(KEEP, target, source, chosen=chosen)["metadata"] == {}


def test_tags_are_united_unless_one_side_is_chosen() -> None:
    target, source = customer(tag_ids=["a", "b"]), customer(tag_ids=["b", "c"])
    assert merged(KEEP, target, source)["tag_ids"] == ["a", "b", "c"]
    assert merged(KEEP, target, source, chosen={"tag_ids": "source"})["tag_ids"] == ["b", "c"]
    assert merged(TAKE, target, source, chosen={"tag_ids": "target"})["tag_ids"] == ["a", "b"]


def test_what_is_fixed_stays() -> None:
    target, source = customer(external_id="a"), customer(external_id="b")
    fixed = {"external_id": "Fixed."}
    assert merged(TAKE, target, source, fixed=fixed)["external_id"] == "a"
    assert merged(TAKE, target, source, fixed=fixed, chosen={"external_id": "target"})["external_id"] == "a"
    with pytest.raises(Locked) as refused:
        merged(KEEP, target, source, fixed=fixed, chosen={"external_id": "source"})
    assert refused.value.field == "external_id"


def test_amounts_go_with_their_currency() -> None:
    target = customer(default_max_balance_minor=100)
    source = customer(currency="USD", default_max_balance_minor=5)
    assert merged(KEEP, target, source)["default_max_balance_minor"] == 100
    assert merged(KEEP, target, source, chosen={"currency": "source"})["default_max_balance_minor"] == 5
    assert merged(TAKE, target, source, fixed={"currency": "Fixed."})["default_max_balance_minor"] == 100
    with pytest.raises(Invalid) as refused:
        merged(KEEP, target, source, chosen={"wallet_defaults": "source"})
    assert refused.value.field == "wallet_defaults"


@pytest.mark.parametrize(
    ("chosen", "field"),
    [
        ({"name": "both"}, "name"),
        ({"name": "newest"}, "name"),
        ({"organization": "source"}, "organization"),
        ({"mode": "source"}, "mode"),
        ({"phone": "newest"}, "phone"),
    ],
)
def test_choices_that_mean_nothing(chosen: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        choices(customer(name="a"), customer(name="b"), KEEP, chosen=chosen)
    assert refused.value.field == field


def test_a_field_that_is_equal_may_be_named() -> None:
    assert choices(customer(name="a"), customer(name="a"), KEEP, chosen={"name": "source"}) == []


texts = st.sampled_from(["", "a", "b"])
people = st.builds(
    lambda name, phone, terms, keys, tags, line: customer(
        name=name, phone=phone, net_payment_term_days=terms, metadata=keys, tag_ids=tags, address_line1=line
    ),
    texts,
    texts,
    st.sampled_from([None, 0, 30]),
    st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2)),
    st.lists(st.sampled_from("tuv"), unique=True),
    texts,
)


@given(people, people)
def test_keeping_the_target_loses_no_value_of_it(target: dict[str, Any], source: dict[str, Any]) -> None:
    found = merged(KEEP, target, source)
    for name in COLUMNS - {"metadata", "tag_ids"}:
        assert found[name] == target[name]
    assert target["metadata"].items() <= found["metadata"].items()
    assert set(found["tag_ids"]) == {*target["tag_ids"], *source["tag_ids"]}


@given(people, people)
def test_filling_never_changes_what_is_there_and_leaves_no_gap(
    target: dict[str, Any], source: dict[str, Any]
) -> None:
    found = merged(FILL, target, source)
    for name in ("name", "phone", "net_payment_term_days", "address_line1"):
        assert found[name] == (source[name] if says_nothing(target[name]) else target[name])


@given(people, people, st.sampled_from(Strategy))
def test_no_strategy_erases(target: dict[str, Any], source: dict[str, Any], strategy: Strategy) -> None:
    found = merged(strategy, target, source)
    for name, value in target.items():
        assert says_nothing(value) or not says_nothing(found[name])


@given(people, people, st.sampled_from(Strategy))
def test_merging_a_twin_changes_nothing(
    target: dict[str, Any], source: dict[str, Any], strategy: Strategy
) -> None:
    assert merged(strategy, target, dict(target)) == target
    once = merged(strategy, target, source)
    assert merged(KEEP, once, source) == once


def test_each_column_is_in_one_field() -> None:
    columns = [column for field in FIELDS for column in field.columns]
    assert len(columns) == len(set(columns))
    assert len({field.name for field in FIELDS}) == len(FIELDS)
    assert Choice("a", "A", FIELDS[0], "x", "y", "source").kept == "y"
