"""Cells of CSV files that spreadsheets open.

Laws. A text that begins like a formula (=, +, -, @, also in full width, tab, line end) gets an apostrophe in front,
so that it stays a text; numbers that we compute stay numbers. Days are ISO 8601, amounts plain decimals of major
units.
Example: `cell("=1+1")` is "'=1+1"; `cell(Decimal("-5.00"))` is "-5.00"; `cell("+49 30")` is "'+49 30".
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """A value as the file holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
