"""What is printed: plain values without a database behind them. PDF and e-invoice both print this one object.

Amounts are minor units of `currency` unless they are unit prices (exact decimals in major units).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class Party:
    """Seller or buyer: the name, the lines below it, and legal facts as (label key, value)."""

    name: str
    address: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class DetailStep:
    """How a line came about: `units` x `unit_amount` (or rate percent) + `flat_amount` = `amount`."""

    label: str
    amount: Decimal
    units: Decimal | None = None
    unit_amount: Decimal | None = None
    flat_amount: Decimal | None = None
    rate: Decimal | None = None


@dataclass(frozen=True)
class DocumentLine:
    """A printed line. `steps` only where there is more than units times price to show."""

    description: str
    kind: str
    units: Decimal
    unit_amount: Decimal
    amount_minor: int
    tax_rate: Decimal
    steps: tuple[DetailStep, ...] = ()
    tax_minor: int = 0  # printed in a credit note over the tax alone

    @property
    def long(self) -> bool:
        """Whether a cell may need a second printed line: 24 of the widest letters and 11 digits fit on one."""
        numbers = max(len(f"{self.units:f}"), len(f"{self.unit_amount:.8f}") - 8, len(str(self.amount_minor)))
        return len(self.description) > 24 or numbers > 11


@dataclass(frozen=True)
class LineGroup:
    """Lines of one subscription and period; the last day is printed, so `end` is exclusive."""

    title: str
    start: datetime | None
    end: datetime | None
    lines: tuple[DocumentLine, ...]


@dataclass(frozen=True)
class Deduction:
    """A coupon, credit note, or wallet credit."""

    kind: str
    label: str
    amount_minor: int


@dataclass(frozen=True)
class TaxRow:
    """A rate with what it is charged on."""

    name: str
    rate: Decimal
    base_minor: int
    amount_minor: int


@dataclass(frozen=True)
class UsageRow:
    """A day, or the first of a month, with what was counted; no units where single days say nothing."""

    begin: date
    events: int
    units: Decimal | None


@dataclass(frozen=True)
class UsageTable:
    """The usage behind a line, by day or month."""

    title: str
    monthly: bool
    rows: tuple[UsageRow, ...]

    @property
    def events(self) -> int:
        """All of them."""
        return sum(row.events for row in self.rows)

    @property
    def with_units(self) -> bool:
        """Whether there is a column of units."""
        return any(row.units is not None for row in self.rows)


@dataclass(frozen=True)
class InvoiceDocument:
    """An invoice or credit note, ready to print. `kind` is invoice, credit_invoice or credit_note.

    `with_tax`: for a consumer, lines and coupons include their tax, and the tax table says what is included.
    `only_tax`: a credit note over the tax alone, whose lines have a column for it.
    `reverse_charge` prints why there is no tax; `notice` is what consumers are told. A voided one carries the day and
    the reason in its stamp; `made_at` is the moment from which it is as it is printed. `usage` is the table at the
    end, where its issuer wants one.
    """

    kind: str
    reference: str
    number: str
    status: str
    locale: str
    currency: str
    timezone: str
    issuing_on: date
    seller: Party
    buyer: Party
    accent: str
    groups: tuple[LineGroup, ...]
    taxes: tuple[TaxRow, ...]
    lines_minor: int
    taxes_minor: int
    total_minor: int
    due_on: date | None = None
    terms_days: int | None = None
    paid_minor: int = 0
    before_tax: tuple[Deduction, ...] = ()
    after_tax: tuple[Deduction, ...] = ()
    purchase_order: str = ""
    own_fields: tuple[tuple[str, str], ...] = ()
    corrects: str = ""
    notes: str = ""
    payment_details: str = ""
    footer: str = ""
    logo: bytes = field(default=b"", repr=False)
    made_at: datetime | None = None
    with_tax: bool = False
    reverse_charge: bool = False
    notice: str = ""
    issued_at: datetime | None = None
    voided_on: date | None = None
    void_reason: str = ""
    only_tax: bool = False
    usage: tuple[UsageTable, ...] = ()

    def as_issued(self) -> InvoiceDocument:
        """The document as it was before it was voided."""
        if not self.voided:
            return self
        return replace(self, status="finalized", made_at=self.issued_at, voided_on=None, void_reason="")

    @property
    def voided(self) -> bool:
        """Whether it is withdrawn: it says so, and asks for nothing."""
        return self.status == "voided"

    @property
    def dense(self) -> bool:
        """Whether there are so many lines that they are set closer together."""
        return sum(len(group.lines) for group in self.groups) > 200

    @property
    def subtotal_minor(self) -> int:
        """What is taxed; with tax, for consumers."""
        return self.lines_minor - sum(item.amount_minor for item in self.before_tax)

    @property
    def due_minor(self) -> int:
        """What is still to be paid."""
        return self.total_minor - self.paid_minor
