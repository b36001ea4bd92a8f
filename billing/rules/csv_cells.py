"""Cells of CSV files that spreadsheets open.

Laws. A text that begins like a formula (=, +, -, @, also in full width, tab, line end) gets an apostrophe in front,
so that it stays a text; numbers that we compute stay numbers. Days are ISO 8601, amounts plain decimals of major
units.
Example: `cell("=1+1")` is "'=1+1"; `cell(Decimal("-5.00"))` is "-5.00"; `cell("+49 30")` is "'+49 30".
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

CHUNK = 60_000
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


def written(columns: Sequence[str], lines: Iterable[Sequence[Any]], start: str = "") -> Iterator[str]:
    """The file in pieces of some 60 kB."""
    out = StringIO()
    out.write(start)
    writer = csv.writer(out)
    writer.writerow([cell(name) for name in columns])
    for line in lines:
        writer.writerow([cell(value) for value in line])
        if out.tell() > CHUNK:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()
