"""A receipt as it is printed: plain data in, nothing of the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from invoicing.documents.data import Party


@dataclass(frozen=True)
class ReceiptItem:
    """What the money was for; `left_minor` is what was still due of it then, None where nobody knows."""

    number: str
    issued_on: date | None
    total_minor: int
    amount_minor: int
    left_minor: int | None


@dataclass(frozen=True)
class ReceiptDocument:
    """Everything that is printed. `method` is the provider's name, empty for money that was recorded by hand."""

    reference: str
    number: str
    locale: str
    currency: str
    issued_on: date
    paid_on: date
    seller: Party
    buyer: Party
    accent: str
    amount_minor: int
    on_account_minor: int
    items: tuple[ReceiptItem, ...]
    method: str = ""
    payment_reference: str = ""
    footer: str = ""
    logo: bytes = field(default=b"", repr=False)
    made_at: datetime | None = None

    @property
    def dense(self) -> bool:
        """Whether there are so many invoices that they are set closer together."""
        return len(self.items) > 200

    @property
    def knows_left(self) -> bool:
        """Whether there is a column for what is still due."""
        return any(item.left_minor is not None for item in self.items)
