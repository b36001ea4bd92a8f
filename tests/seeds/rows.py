"""Which test proves which row: `@row("N04")`. The summary counts the rows that passed, per seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

ROWS = {"004": ("K", 70), "003": ("L", 38), "001": ("Q", 25), "000": ("N", 44)}
# Rows of parts that are still to be built.
LATER = {"K38": "paying through providers, the preferred one first"}
# Rows without a test: the contract has the id and the total elsewhere (`data.id`, `meta.total`).
OPEN = {"N19": "the id at the top level of an answer", "N29": "the total at the top level of a list"}
Test = TypeVar("Test", bound=Callable[..., object])


def row(*ids: str) -> Callable[[Test], Test]:
    """The test proves these rows; an id that no seed has is refused when the file is read."""
    known = {f"{letter}{number:02d}" for letter, count in ROWS.values() for number in range(1, count + 1)}
    if strange := set(ids) - known:
        raise ValueError(f"There is no row {sorted(strange)[0]}.")
    return pytest.mark.row(*ids)
