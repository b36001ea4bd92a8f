"""How money that came is spread over invoices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rules.errors import FieldErrors, Invalid
from invoicing.rules.splitting import split

DUE = [("A", 6000), ("B", 5000), ("C", 2000)]


@pytest.mark.parametrize(
    ("came", "chosen", "parts", "rest"),
    [
        (10000, {}, {"A": 6000, "B": 4000}, 0),
        (10000, {"C": 2000}, {"A": 6000, "B": 2000, "C": 2000}, 0),
        (15000, {}, {"A": 6000, "B": 5000, "C": 2000}, 2000),
        (6000, {"A": 0}, {"B": 5000, "C": 1000}, 0),
        (500, {"A": 0, "B": 0, "C": 0}, {}, 500),
        (1, {}, {"A": 1}, 0),
        (6000, {"B": 5000}, {"A": 1000, "B": 5000}, 0),
    ],
)
def test_by_hand(came: int, chosen: dict[str, int], parts: dict[str, int], rest: int) -> None:
    found = split(came, DUE, chosen)
    assert (found.parts, found.rest_minor) == (parts, rest)


def test_what_was_seen_reads_back() -> None:
    assert split(7000, DUE, {}).seen == "A:6000,B:1000|0"


@pytest.mark.parametrize(
    ("came", "chosen", "field"),
    [
        (0, {}, "amount"),
        (-1, {}, "amount"),
        (100, {"A": 60, "B": 41}, "amount"),
        (9000, {"A": 6001}, "invoices[A]"),
        (9000, {"A": -1}, "invoices[A]"),
        (9000, {"X": 1}, "invoices[X]"),
    ],
)
def test_refused(came: int, chosen: dict[str, int], field: str) -> None:
    with pytest.raises(Invalid if field == "amount" else FieldErrors) as refused:
        split(came, DUE, chosen)
    assert refused.value.field == field


@given(
    st.integers(1, 10**9),
    st.lists(st.integers(1, 10**6), max_size=12),
    st.lists(st.none() | st.integers(0, 100), max_size=12),
)
def test_no_cent_is_lost_or_counted_twice(came: int, dues: list[int], shares: list[int | None]) -> None:
    due = list(enumerate(dues))
    chosen = {
        key: minor * share // 100
        for (key, minor), share in zip(due, shares, strict=False)
        if share is not None
    }
    if sum(chosen.values()) > came:
        with pytest.raises(Invalid):
            split(came, due, chosen)
        return
    found = split(came, due, chosen)
    assert sum(found.parts.values()) + found.rest_minor == came
    assert all(0 < part <= dues[key] for key, part in found.parts.items())
    assert all(found.parts.get(key, 0) == minor for key, minor in chosen.items())
    if found.rest_minor:
        assert all(found.parts.get(key, 0) == minor for key, minor in due if key not in chosen)
    open_before = [key for key, minor in due if key not in chosen and found.parts.get(key, 0) < minor]
    if open_before:  # nobody after the first one that is not paid in full gets anything unasked
        first = open_before[0]
        assert all(key <= first or key in chosen for key in found.parts)
