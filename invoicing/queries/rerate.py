"""An issued invoice's usage measured and priced again: with the events that there are now, at the prices of then.

What the invoice billed stays; this says what the same period would cost today, line by line, because events came
late, were deleted, or were replaced. Lines are matched by what they are (`line_key`), not by their place. What was
corrected by hand stays corrected, also what was corrected or left out when the invoice was made again from a voided
one. Charges in advance are left out: each event was billed when it came, at its
own price.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from invoicing.models import Invoice, InvoicedPeriod, InvoiceLine
from invoicing.queries.facts import USAGE, Window, usage_lines
from invoicing.queries.line_edits import edits_of
from invoicing.queries.rates import Rates
from invoicing.rules.adjusting import line_key
from invoicing.rules.lines import Line, LineKind

KINDS = (LineKind.CHARGE.value, LineKind.TRUE_UP.value)


@dataclass(frozen=True)
class Rerated:
    """One line: what was billed and what it would be now, in units, events and minor units before coupons and tax.
    `line`: the one on the invoice, None where there was none.
    """

    description: str
    line: InvoiceLine | None
    units_then: Decimal
    units_now: Decimal
    events_then: int
    events_now: int
    minor_then: int
    minor_now: int

    @property
    def difference_minor(self) -> int:
        """What it would be more; negative when it would be less."""
        return self.minor_now - self.minor_then

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return (self.units_then, self.events_then, self.minor_then) == (
            self.units_now,
            self.events_now,
            self.minor_now,
        )


def rerated(invoice: Invoice) -> list[Rerated] | None:
    """The lines of usage again, those that differ first; None for an invoice that bills no period of usage. Only
    reads. An invoice that was made again from a voided one has its periods there.
    """
    chain = [invoice]
    while (before := chain[-1].voided_invoice) is not None:
        chain.append(before)
    origin, decided = chain[-1], by_hand(chain)
    periods = InvoicedPeriod.objects.filter(invoice=origin, kind=USAGE).select_related("subscription__plan")
    rows = list(periods.order_by("pk"))
    if not rows:
        return None
    rates, edits = Rates(invoice.organization_id), edits_of(origin)
    now: dict[UUID, Line] = {}
    for row in rows:
        window = Window(row.subscription, USAGE, row.start, row.end, row.closing, edits)
        for line in usage_lines(window, tz=origin.timezone, currency=origin.currency, rates=rates):
            now[line_key(line.kind, line.facts)] = line
    then = {
        row.line_key: row
        for row in invoice.lines.filter(kind__in=KINDS, charge__pay_in_advance=False).order_by("position")
        if row.line_key
    }
    found = [
        compared(row, now.get(key)) if key not in decided else as_billed(row) for key, row in then.items()
    ]
    found += [compared(None, line) for key, line in now.items() if key not in then and key not in decided]
    return sorted(found, key=lambda one: (one.same, -abs(one.difference_minor)))


def by_hand(chain: list[Invoice]) -> set[UUID]:
    """Lines that somebody corrected or left out when an invoice was made again. `chain`: it and those before it."""
    made, origin = chain[0], chain[-1]
    if made is origin:
        return set()
    rows = InvoiceLine.objects.filter(invoice__in=chain, kind__in=KINDS)
    known: list[tuple[Any, Any, Any]] = list(rows.values_list("invoice_id", "line_key", "edited"))
    mine = {key for owner, key, _ in known if owner == made.pk}
    return {key for owner, key, edited in known if key not in mine or (edited and owner != origin.pk)}


def as_billed(row: InvoiceLine) -> Rerated:
    """A line that stays whatever was measured."""
    events = row.events_count or 0
    billed = row.amount_minor
    return Rerated(row.description, row, row.units, row.units, events, events, billed, billed)


def compared(before: InvoiceLine | None, after: Line | None) -> Rerated:
    """A line of the invoice beside the same of now; either may be missing."""
    zero = Decimal(0)
    return Rerated(
        before.description if before else after.facts.description if after else "",
        before,
        before.units if before else zero,
        after.units if after else zero,
        (before.events_count or 0) if before else 0,
        after.events_count if after else 0,
        before.amount_minor if before else 0,
        after.amount_minor if after else 0,
    )
