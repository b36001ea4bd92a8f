"""Values of the organization's own fields, by kind."""

from __future__ import annotations

from typing import Any

import pytest

from customers.rules.custom_fields import Definition, missing, plain_value, value_of, values_of
from customers.rules.values import Refused

CHOICES = ("Gold", "Silver")


def field(kind: str, **more: Any) -> Definition:
    return Definition("code", "Name", kind, choices=CHOICES if kind == "choice" else (), **more)


@pytest.mark.parametrize(
    ("kind", "given", "kept", "words"),
    [
        ("text", " a b ", "a b", "a b"),
        ("number", "12.50", 12.5, "12.5"),
        ("number", 7, 7, "7"),
        ("number", "-3e2", -300, "-300"),
        ("date", "2026-02-28", "2026-02-28", "2026-02-28"),
        ("boolean", "yes", True, "Yes"),
        ("boolean", False, False, "No"),
        ("choice", "Gold", "Gold", "Gold"),
        ("url", "example.com/a", "https://example.com/a", "https://example.com/a"),
        ("text", "  ", None, ""),
        ("number", None, None, ""),
    ],
)
def test_value_by_kind(kind: str, given: Any, kept: Any, words: str) -> None:
    found = value_of(field(kind), given)
    assert (found, type(found)) == (kept, type(kept))
    assert plain_value(field(kind), found) == words


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        ("text", 5, "text"),
        ("text", "x" * 501, "500"),
        ("number", "many", "number"),
        ("number", True, "number"),
        ("number", "NaN", "number"),
        ("number", "1234567890123456", "15 digits"),
        ("date", "28.2.2026", "2026-11-21"),
        ("date", "2026-02-30", "2026-11-21"),
        ("date", "0001-01-01", "1900"),
        ("boolean", "perhaps", "true or false"),
        ("choice", "Bronze", "Gold or Silver"),
        ("url", "javascript:alert(1)", "https://"),
    ],
)
def test_what_means_nothing(kind: str, given: Any, says: str) -> None:
    with pytest.raises(Refused, match=says):
        value_of(field(kind), given)


def test_all_errors_at_once_and_required_ones() -> None:
    fields = [Definition("a", "A", "number", required=True), Definition("b", "B", "text")]
    found, errors = values_of(fields, {"a": "x", "b": "fine", "c": 1})
    assert found == {"b": "fine"}
    assert [code for code, _ in errors] == ["a", "c"]
    assert missing(fields, found) == ["a"] and missing(fields, {"a": 0}) == []
