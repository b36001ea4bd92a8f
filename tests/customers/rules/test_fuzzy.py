"""How typed words fit names: a table checked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.rules.fuzzy import fit, one_slip, words_of


@pytest.mark.parametrize(
    ("typed", "name", "cost"),
    [
        ("", "Invoices", 0),
        ("inv", "Invoices", 0),
        ("voic", "Invoices", 1),
        ("invocies", "Invoices", 2),
        ("setings", "Settings", 2),
        ("settigns", "Settings", 2),
        ("add cust", "Add a customer", 0),
        ("customer add", "Add a customer", 0),
        ("sub add", "Add a customer", None),
        ("API", "Create an API key", 0),
        ("key api", "Create an API key", 0),
        ("one off", "Create one-off invoice", 0),
        ("uberlandwerk", "Überlandwerk Süd", 0),
        ("xyz", "Taxes", None),
        ("txa", "Taxes", None),  # of three letters no slip is forgiven
    ],
)
def test_fit(typed: str, name: str, cost: int | None) -> None:
    assert fit(typed, name) == cost


def test_further_words_find_it_too() -> None:
    assert fit("new client", "Add a customer", "new create client") == 0


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("abcd", "abxd", True),
        ("abcd", "abd", True),
        ("abcd", "abcde", True),
        ("abcd", "acbd", True),
        ("abcd", "dcba", False),
        ("abcd", "abxy", False),
        ("abcd", "abcd", True),
    ],
)
def test_one_slip(first: str, second: str, same: bool) -> None:
    assert one_slip(first, second) is same
    assert one_slip(second, first) is same


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_name_fits_itself_and_nothing_breaks(name: str, typed: str) -> None:
    assert fit(name, name) == 0
    cost = fit(typed, name)
    assert cost is None or 0 <= cost <= 2 * len(words_of(typed))
