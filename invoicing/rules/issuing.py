"""Which day an invoice carries, and when it is to be paid.

Laws. The billing day is the local day of the billing run. A subscription's recurring invoice is dated by an anchor,
the last day of the period that ended or the first of the next, or aligned with the day on which it becomes final.
Other invoices with a grace period are dated by the day on which they become final.
- End of the period, kept: the day before the billing day. Aligned: the end of the grace period, or the day before
  without one.
- Start of the next period, kept: the billing day. Aligned: the end of the grace period.
- Becoming final, an invoice takes that day, unless it is recurring and keeps its anchor.
- It is due as many days after its own day as the payment term says.

Example: billed on 1 March with 3 days of grace: dated 28 February or 1 March (kept), 4 March (aligned).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class Anchor(StrEnum):
    """Which day of the change of periods counts."""

    CURRENT_PERIOD_END = "current_period_end"
    NEXT_PERIOD_START = "next_period_start"


class Adjustment(StrEnum):
    """Whether the day moves to the one on which the invoice becomes final."""

    KEEP_ANCHOR = "keep_anchor"
    ALIGN_WITH_FINALIZATION_DATE = "align_with_finalization_date"


@dataclass(frozen=True)
class Dating:
    """How an organization dates its invoices; the defaults are those of a plain billing entity."""

    anchor: Anchor = Anchor.NEXT_PERIOD_START
    adjustment: Adjustment = Adjustment.ALIGN_WITH_FINALIZATION_DATE
    grace_days: int = 0


def adjustment_days(dating: Dating, *, recurring: bool) -> int:
    """The days between the billing day and the day that the invoice carries."""
    if not recurring:
        return dating.grace_days
    aligned = dating.adjustment is Adjustment.ALIGN_WITH_FINALIZATION_DATE
    if aligned and (dating.grace_days or dating.anchor is Anchor.NEXT_PERIOD_START):
        return dating.grace_days
    return -1 if dating.anchor is Anchor.CURRENT_PERIOD_END else 0


def issuing_day(billing_day: date, dating: Dating, *, recurring: bool) -> date:
    """The day that an invoice of the run carries."""
    return billing_day + timedelta(days=adjustment_days(dating, recurring=recurring))


def final_from(billing_day: date, dating: Dating) -> date:
    """The day from which a draft becomes final by itself."""
    return billing_day + timedelta(days=dating.grace_days)


def day_when_final(planned: date, today: date, dating: Dating, *, recurring: bool) -> date:
    """The day of a draft that becomes final today."""
    return planned if recurring and dating.adjustment is Adjustment.KEEP_ANCHOR else today


def due_day(issued: date, term_days: int) -> date:
    """When the invoice is to be paid."""
    return issued + timedelta(days=term_days)
