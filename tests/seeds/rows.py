"""Which test proves which row: `@row("N04")`. The summary counts the rows that passed, per seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

ROWS = {"004": ("K", 70), "003": ("L", 38), "002": ("P", 72), "001": ("Q", 25), "000": ("N", 44)}
ALSO = {"X04"}  # rows over all seeds
Test = TypeVar("Test", bound=Callable[..., object])


def every() -> set[str]:
    """The ids of all rows."""
    numbered = {f"{letter}{number:02d}" for letter, count in ROWS.values() for number in range(1, count + 1)}
    return numbered | ALSO


def row(*ids: str) -> Callable[[Test], Test]:
    """The test proves these rows; an id that no seed has is refused when the file is read."""
    if strange := set(ids) - every():
        raise ValueError(f"There is no row {sorted(strange)[0]}.")
    return pytest.mark.row(*ids)
