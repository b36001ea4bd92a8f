"""A statement of account as it is printed: plain data in, nothing of the database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from invoicing.documents.data import Party


@dataclass(frozen=True)
class StatementLine:
    """A line; amounts of 0 are left out. `kind` names its words, `over_minor` what it is about when it changes
    nothing.
    """

    day: date
    kind: str
    number: str
    note: str
    due_on: date | None
    charged_minor: int
    credited_minor: int
    over_minor: int
    balance_minor: int


@dataclass(frozen=True)
class StatementDocument:
    """Everything that is printed. `ages` are (name, minor units) in the order of age, empty when nothing is owed."""

    reference: str
    locale: str
    currency: str
    first: date
    last: date
    seller: Party
    buyer: Party
    accent: str
    opening_minor: int
    closing_minor: int
    charged_minor: int
    credited_minor: int
    lines: tuple[StatementLine, ...]
    ages: tuple[tuple[str, int], ...] = ()
    on_account_minor: int = 0
    payment_details: str = ""
    footer: str = ""
    logo: bytes = b""

    @property
    def digest(self) -> str:
        """The same for the same content, whenever it is put together."""
        return hashlib.sha256(repr(self).encode()).hexdigest()
