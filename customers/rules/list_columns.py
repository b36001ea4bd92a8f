"""Columns of the customers list. The name always stands first."""

from __future__ import annotations

from collections.abc import Sequence

from billing.rules.list_columns import OWN, Column

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
