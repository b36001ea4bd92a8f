"""In advance: an event is billed when it comes, for what it adds to the highest quantity of the period.

Laws.
- What was paid stays paid: going down gives nothing back within the period, and coming up again to what was paid
  costs nothing. So the billed units of a period sum to its highest quantity, whatever the way there.
- The mark begins at zero with each period; what a recurring metric carries over is billed whole when it starts.
- The price of an event is the price with it less the price without it, so flat amounts are paid by the event that
  opens their tier. While the quantity is zero nothing is due. It is never negative.
- Prorated: the billed units count from the day of the event to the end of the period, rounded up to 5 decimals.

Example: 10, then -5, then 2, then 6 units: billed 10, 0, 0 and 3 (5 + 2 + 6 = 13 is 3 above 10). Graduated 0 to 10 at
1 and 5 flat, more at 2: 8 units cost 13, the next 4 cost 2 + 2 x 2 = 6.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.rules.charges.base import ChargeModel, Priced, Step, Usage
from billing.rules.money import ZERO, exact
from billing.rules.prorated import ceil5
from billing.rules.proration import Share


@dataclass(frozen=True)
class Mark:
    """Where a period stands. `current`: what its events come to (without what it carried over); `highest`: the most
    that was, and so what is paid; `prorated`: what of it was priced, after proration.
    """

    current: Decimal = ZERO
    highest: Decimal = ZERO
    prorated: Decimal = ZERO


@dataclass(frozen=True)
class Advanced:
    """What one event means: `units` are billed, `priced_units` are priced (fewer when prorated), `shown` stands on
    its line (what it added, also where that was free), and the mark after it.
    """

    units: Decimal
    priced_units: Decimal
    shown: Decimal
    mark: Mark


def advance(mark: Mark, change: Decimal, share: Share | None = None) -> Advanced:
    """An event that changes the quantity by `change`. `share`: the days it counts for, if the charge is prorated."""
    with exact():
        current = mark.current + change
        units = max(current - mark.highest, ZERO)
        priced = ceil5(share.take(units)) if share else units
        after = Mark(current, mark.highest + units, mark.prorated + priced)
    return Advanced(units, priced, max(change, ZERO), after)


def paid_units(mark: Mark, total: Decimal) -> Decimal:
    """The quantity that current usage is priced by: `total` of the period (with what it carried over and what was
    not billed yet), its events raised to their highest.
    """
    with exact():
        return max(total - mark.current + mark.highest, ZERO)


def paid_units_prorated(mark: Mark, total: Decimal, window: Share) -> Decimal:
    """The same for a prorated charge: what was carried over for the days of the window, and what was priced."""
    with exact():
        return max(ceil5(window.take(total - mark.current)) + mark.prorated, ZERO)


def marginal(model: ChargeModel[Any], params: Any, with_event: Usage, without: Usage) -> Priced:
    """The price of one event: of the period with it, less the period without it."""
    if not with_event.units:
        return Priced.of()
    priced = model.price(params, with_event)
    before = model.price(params, without).total if without.units else ZERO
    if not before:
        return priced
    with exact():
        if priced.total <= before:
            return Priced.of()
    return Priced.of(*priced.steps, Step("billed", "Billed with the events before", -before))
