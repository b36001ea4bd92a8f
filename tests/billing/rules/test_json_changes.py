"""What differs between two payloads."""

from typing import Any

import pytest

from billing.rules.json_changes import MISSING, changes


@pytest.mark.parametrize(
    ("before", "now", "rows"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": {"b": [1, {"c": "x"}]}}, {"a": {"b": [1, {"c": "y"}]}}, [("a.b[1].c", "x", "y")]),
        ({"a": None}, {"a": "x"}, [("a", None, "x")]),
        ({"a": 1, "gone": 2}, {"new": 3, "a": 1}, [("new", MISSING, 3), ("gone", 2, MISSING)]),
        ({"tags": []}, {"tags": ["x"]}, [("tags[0]", MISSING, "x")]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": 0}, {"a": False}, [("a", 0, False)]),
        ({"a": True}, {"a": True}, []),
    ],
)
def test_each_leaf_that_differs(before: Any, now: Any, rows: list[tuple[str, Any, Any]]) -> None:
    assert changes(before, now) == rows
