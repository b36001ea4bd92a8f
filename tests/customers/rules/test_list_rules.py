"""Columns of the list, cells of CSV files, and what acts on many bring about, by hand-checked tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.rules.csv_cells import cell
from billing.rules.list_columns import chosen
from customers.rules.bulk import new_tags, still_there
from customers.rules.list_columns import COLUMNS, USUAL, own_column, with_own


def test_columns_are_a_set_in_the_order_of_the_table() -> None:
    assert [column.key for column in chosen(["created", "email", "nonsense"], COLUMNS, USUAL)] == [
        "email",
        "created",
    ]
    assert [column.key for column in chosen([], COLUMNS, USUAL)] == [
        key.key for key in COLUMNS if key.key in USUAL
    ]
    every = with_own([own_column("seats", "Seats", "number")])
    found = chosen(["field_seats", "created"], every, USUAL)
    assert [(column.key, column.code, column.num) for column in found] == [
        ("field_seats", "seats", True),
        ("created", "", False),
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("a=b", "a=b"),
        ("", ""),
        (None, ""),
        (Decimal("-5.00"), "-5.00"),
        (-5, "-5"),
        (True, "yes"),
        ("\n=1+1", "'\n=1+1"),
        ("＝1+1", "'＝1+1"),
        (date(2026, 11, 25), "2026-11-25"),
        (datetime(2026, 11, 25, 1, tzinfo=UTC), "2026-11-25T01:00:00+00:00"),
    ],
)
def test_cells(value: Any, written: str) -> None:
    assert cell(value) == written


def test_tags_that_come_and_go() -> None:
    assert new_tags("add_tags", [1, 2], [2, 3]) == ({3}, set())
    assert new_tags("add_tags", [1, 2], [2]) == (set(), set())
    assert new_tags("remove_tags", [1, 2], [2, 3]) == (set(), {2})
    assert still_there(30, 30) and not still_there(30, 14)
