"""Columns of a list: which of them a person wants to see.

Laws. A choice is a set: columns stand in the order of the table whatever order they were chosen in. Names that mean
nothing (a custom field that is gone) are left out; a choice without any is the usual one.
Example: of the columns e-mail, country and created, `chosen(["created", "email", "nonsense"], columns, usual)` is
`[email, created]`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

OWN = "field_"  # before the code of a custom field


@dataclass(frozen=True)
class Column:
    """`sort` is the name in `?sort=`, empty when the list cannot be sorted by it; `num` stands right."""

    key: str
    label: str
    num: bool = False
    sort: str = ""
    narrow: bool = False  # shown on a phone as well

    @property
    def wide(self) -> bool:
        """Whether a phone leaves it out."""
        return not self.narrow

    @property
    def code(self) -> str:
        """The code of the custom field that the column shows; empty for others."""
        return self.key.removeprefix(OWN) if self.key.startswith(OWN) else ""


def chosen(keys: Iterable[str], columns: Sequence[Column], usual: Collection[str]) -> list[Column]:
    """The columns of a choice, in the order of the table; the usual ones when none is left."""
    wanted = set(keys)
    found = [column for column in columns if column.key in wanted]
    return found or [column for column in columns if column.key in usual]
