"""Columns of the customers list: which there are, and which of them a person wants to see.

Laws. The name always stands first. A choice is a set: columns stand in the order of the table whatever order they
were chosen in. Names that mean nothing (a custom field that is gone) are left out; a choice without any is the usual
one. Example: `chosen(["created", "email", "nonsense"], COLUMNS)` is `[email, created]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    def code(self) -> str:
        """The code of the custom field that the column shows; empty for others."""
        return self.key.removeprefix(OWN) if self.key.startswith(OWN) else ""


COLUMNS = (
    Column("email", "E-mail", sort="email"),
    Column("external_id", "External ID", sort="external_id"),
    Column("tags", "Tags"),
    Column("type", "Type"),
    Column("status", "Status"),
    Column("country", "Country"),
    Column("currency", "Currency", sort="currency"),
    Column("vat", "VAT number"),
    Column("mode", "Mode"),
    Column("subscriptions", "Subscriptions", num=True),
    Column("mrr", "Monthly", num=True),
    Column("outstanding", "Outstanding", num=True, narrow=True),
    Column("overdue", "Overdue", num=True),
    Column("wallet", "Wallet balance", num=True),
    Column("created", "Created", sort="created"),
)
USUAL = ("email", "tags", "currency", "subscriptions", "outstanding", "created")


def own_column(code: str, name: str, kind: str) -> Column:
    """The column of a custom field."""
    return Column(f"{OWN}{code}", name, num=kind == "number")


def with_own(own: Sequence[Column]) -> list[Column]:
    """All columns: those of custom fields before the date of creation."""
    return [*COLUMNS[:-1], *own, COLUMNS[-1]]


def chosen(keys: Iterable[str], columns: Sequence[Column]) -> list[Column]:
    """The columns of a choice, in the order of the table; the usual ones when none is left."""
    wanted = set(keys)
    found = [column for column in columns if column.key in wanted]
    return found or [column for column in columns if column.key in USUAL]
