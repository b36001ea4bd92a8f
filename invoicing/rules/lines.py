"""Invoice lines: where an exact price becomes whole minor units, once.

Laws.
- amount_minor = round(exact price), half away from zero; nothing after that rounds the line again.
- Negative usage or a negative price makes a line of 0 units and 0.
- A charge with a minimum that was not reached gets a second line, the true-up: the minimum for the
  days of the window, less what was used.

Example: 2,000 a month of minimum, window of 15 of 31 days, 200 used:
round(2000 x 15 / 31 - 200) = 768.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from billing.rules.charges.base import Priced, Step, Usage
from billing.rules.commitment import TrueUp
from billing.rules.errors import Invalid
from billing.rules.money import ZERO, exact, from_minor, round_half_up, to_minor
from billing.rules.periods import Period
from billing.rules.proration import Share, SubscriptionFee
from billing.rules.tax import Tax


class LineKind(StrEnum):
    SUBSCRIPTION = "subscription"
    CHARGE = "charge"
    TRUE_UP = "true_up"
    COMMITMENT = "commitment"
    FIXED_CHARGE = "fixed_charge"
    ONE_OFF = "one_off"
    CREDIT = "credit"


@dataclass(frozen=True)
class LineFacts:
    """What a line is about, apart from its price.

    `description` is printed; the ids are opaque references that coupons, wallets and the screen
    use; `taxes` are those that apply (billing/rules/tax.py); `period` is what it covers; `filter` and `group` say
    which part of a charge it is.
    """

    description: str
    currency: str
    taxes: tuple[Tax, ...] = ()
    period: Period | None = None
    subscription_id: str | None = None
    plan_id: str | None = None
    charge_id: str | None = None
    metric_id: str | None = None
    add_on_id: str | None = None
    fixed_charge_id: str | None = None
    filter: dict[str, Any] | None = None
    group: dict[str, str | None] | None = None


@dataclass(frozen=True)
class Line:
    """One line: `units` x `unit_amount` (major units, unrounded) = `amount_minor` (rounded).

    `exact` is the unrounded price in major units; `steps` show how it was made. `progressive`: what
    progressive invoices of the period have asked for already, by their number (invoicing/rules/progressive.py).
    `original`: what it would be, had nobody corrected it (invoicing/rules/adjusting.py). `key`: what tells a line
    that was typed from others like it.
    """

    kind: LineKind
    facts: LineFacts
    units: Decimal
    unit_amount: Decimal
    exact: Decimal
    amount_minor: int
    steps: tuple[Step, ...] = ()
    events_count: int = 0
    progressive: tuple[tuple[str, int], ...] = ()
    original: Line | None = None
    key: UUID | None = None

    @property
    def progressive_minor(self) -> int:
        """What is billed already, in minor units."""
        return sum(minor for _, minor in self.progressive)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show: no units, no amount, no events, and nobody asked for it."""
        return self.original is None and not (self.units or self.amount_minor or self.events_count)


def charge_line(facts: LineFacts, priced: Priced, usage: Usage) -> Line:
    """The line of one usage charge (or of one of its groups). Shows unprorated units."""
    units = usage.units if usage.full_units is None else usage.full_units
    if units < 0 or priced.total < 0:
        return Line(LineKind.CHARGE, facts, ZERO, ZERO, ZERO, 0, (), usage.events_count)
    return Line(
        kind=LineKind.CHARGE,
        facts=facts,
        units=units,
        unit_amount=priced.unit_amount(units),
        exact=priced.total,
        amount_minor=to_minor(priced.total, facts.currency),
        steps=priced.steps,
        events_count=usage.events_count,
    )


def subscription_line(facts: LineFacts, fee: SubscriptionFee, plan_amount_minor: int) -> Line:
    """The line of the plan's fee; a prorated one shows its days as a step."""
    full = from_minor(plan_amount_minor, facts.currency)
    amount = _major(fee.exact_minor, facts.currency)
    with exact():
        per_day = full / fee.whole_days
    steps: tuple[Step, ...] = ()
    if not fee.full:
        label = f"{fee.days} of {fee.whole_days} days"
        steps = (Step("days", label, amount, units=Decimal(fee.days), unit_amount=per_day),)
    return Line(LineKind.SUBSCRIPTION, facts, Decimal(1), amount, amount, fee.amount_minor, steps)


def one_off_line(facts: LineFacts, units: Decimal, unit_amount: Decimal) -> Line:
    """A line typed by hand: amount = round(units x unit amount). Both must not be negative."""
    if units <= 0:
        raise Invalid("Must be more than 0.", field="units")
    if unit_amount < 0:
        raise Invalid("Must not be negative.", field="unitAmount")
    with exact():
        amount = units * unit_amount
    minor = to_minor(amount, facts.currency)
    return Line(LineKind.ONE_OFF, facts, units, unit_amount, amount, minor)


def credit_line(facts: LineFacts, credits: Decimal, amount_minor: int, rate: Decimal) -> Line:
    """Prepaid credits sold: units are credits, the unit price is the rate, and no tax."""
    amount = from_minor(amount_minor, facts.currency)
    return Line(LineKind.CREDIT, replace(facts, taxes=()), credits, rate, amount, amount_minor)


def true_up_line(facts: LineFacts, minimum_minor: int, used_minor: int, share: Share) -> Line | None:
    """The rest to the minimum of a charge for the days of the window, or None when it is reached."""
    with exact():
        missing = share.take(Decimal(minimum_minor)) - used_minor
    if missing <= 0:
        return None
    amount = _major(missing, facts.currency)
    minor = int(round_half_up(missing))
    return Line(LineKind.TRUE_UP, facts, Decimal(1), amount, amount, minor)


def fixed_line(facts: LineFacts, priced: Priced, units: Decimal, paid_minor: int = 0) -> Line:
    """The line of a fixed charge; shows unprorated units. `paid_minor`: paid under the plan before for these days."""
    currency = facts.currency
    minor = to_minor(priced.total, currency)
    off = min(paid_minor, minor)
    steps = priced.steps
    if off:
        steps = (*steps, Step("paid_before", "Paid under the plan before", -from_minor(off, currency)))
    with exact():
        total = priced.total - from_minor(off, currency)
    unit_amount = priced.unit_amount(units) if not off else ZERO
    if off and units:
        with exact():
            unit_amount = total / units
    return Line(LineKind.FIXED_CHARGE, facts, units, unit_amount, total, minor - off, steps)


def commitment_line(facts: LineFacts, found: TrueUp) -> Line | None:
    """What is missing to the plan's minimum commitment, or None when it is reached."""
    if not found.missing_minor:
        return None
    currency, days = facts.currency, found.share
    part = "" if days.days == days.of else f" for {days.days} of {days.of} days"
    amount = from_minor(found.missing_minor, currency)
    steps = (
        Step("commitment", f"Commitment{part}", from_minor(found.committed_minor, currency)),
        Step("billed", "Billed for the period", -from_minor(found.billed_minor, currency)),
    )
    return Line(LineKind.COMMITMENT, facts, Decimal(1), amount, amount, found.missing_minor, steps)


def _major(minor: Decimal, currency: str) -> Decimal:
    """Unrounded minor units to major units."""
    with exact():
        return minor * from_minor(1, currency)
