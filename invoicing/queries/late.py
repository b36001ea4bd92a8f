"""What came after its invoice was final: how much of an invoiced period nobody has been asked for.

The period is measured and priced again by the code that makes invoices; what its invoice has billed is taken off.
Minimum spends count: what they have asked for already is not missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from billing.models import Charge
from billing.rules.money import exact
from invoicing.models import InvoicedPeriod, InvoiceLine
from invoicing.queries.facts import USAGE, Window, usage_lines
from invoicing.queries.line_edits import edits_of
from invoicing.queries.rates import Rates
from invoicing.rules.lines import LineKind
from invoicing.rules.states import InvoiceStatus

KINDS = (LineKind.CHARGE.value, LineKind.TRUE_UP.value)


@dataclass
class Missing:
    """Of one charge: events, units and minor units that the invoice does not have."""

    events: int = 0
    units: Decimal = Decimal(0)
    minor: int = 0
    charge: Charge | None = None

    def add(self, kind: str, events: int, units: Decimal, minor: int, sign: int) -> None:
        """A line of now (+1) or of the invoice (-1). Units of a minimum spend are no usage."""
        self.minor += sign * minor
        if kind == LineKind.CHARGE.value:
            self.events += sign * events
            with exact():
                self.units += sign * units


@dataclass(frozen=True)
class LateUsage:
    """What is missing, by charge, in the invoice's currency, before tax and coupons. Negative: too much is billed."""

    currency: str
    charges: list[Missing] = field(default_factory=list)

    @property
    def events(self) -> int:
        """Over all charges."""
        return sum(row.events for row in self.charges)

    @property
    def minor(self) -> int:
        """Over all charges."""
        return sum(row.minor for row in self.charges)


def late_usage(period: InvoicedPeriod) -> LateUsage | None:
    """What is missing on the invoice of a period of usage; None while it is a draft, which counts late events."""
    invoice, subscription = period.invoice, period.subscription
    if invoice.status == InvoiceStatus.DRAFT.value:
        return None
    # What was corrected by hand stays so.
    window = Window(subscription, USAGE, period.start, period.end, period.closing, edits_of(invoice))
    rates = Rates(subscription.organization_id)
    found: dict[str, Missing] = {}
    for line in usage_lines(window, tz=invoice.timezone, currency=invoice.currency, rates=rates):
        row = found.setdefault(str(line.facts.charge_id), Missing())
        row.add(line.kind.value, line.events_count, line.units, line.amount_minor, 1)
    billed: Any = InvoiceLine.objects.filter(
        invoice=invoice, subscription=subscription, period_start=period.start, kind__in=KINDS
    )
    sums = billed.values("charge_id", "kind").annotate(
        events=Sum("events_count"), used=Sum("units"), minor=Sum("amount_minor")
    )
    for part in sums.order_by():
        row = found.setdefault(str(part["charge_id"]), Missing())
        row.add(part["kind"], part["events"] or 0, part["used"] or Decimal(0), part["minor"] or 0, -1)
    missing = {key: row for key, row in found.items() if row.events or row.units or row.minor}
    names = {str(row.pk): row for row in Charge.objects.filter(pk__in=missing).select_related("metric")}
    for key, row in missing.items():
        row.charge = names.get(key)
    return LateUsage(invoice.currency, sorted(missing.values(), key=lambda row: -abs(row.minor)))
