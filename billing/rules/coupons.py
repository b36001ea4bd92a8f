"""Coupons: taken off before tax, one after the other, each on what the ones before left.

Laws.
- Order: limited to metrics, then limited to plans, then unlimited; creation order within.
- Base: an unlimited coupon sees the whole remaining subtotal, a limited one its matching lines.
- Amount: a percentage of the base, rounded; or the fixed amount, at most the base. A fixed "once"
  coupon keeps what it could not use for the next invoice.
- The credit is shared over the lines in proportion to what is left on each, in 5 decimals, and the
  shares sum exactly to the credit.
- Ends: "once" when used (fixed: when used up), "recurring" when its uses reach 0 (a partial use
  counts), "forever" never.

Example: 15 % then 20 % on 100: 15, then 20 % of 85 = 17; 68 remain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from billing.rules.money import ZERO, allocate_minor, exact, round_half_up

_SHARE_SCALE = 100_000


class CouponKind(StrEnum):
    FIXED = "fixed_amount"
    PERCENTAGE = "percentage"


class Frequency(StrEnum):
    ONCE = "once"
    RECURRING = "recurring"
    FOREVER = "forever"


@dataclass(frozen=True)
class Coupon:
    """An applied coupon. `amount_minor` is what is left for a fixed "once" coupon, else the amount
    per invoice; `rate` in percent; `uses_left` for recurring ones; empty limits mean all lines."""

    id: str
    kind: CouponKind
    frequency: Frequency
    amount_minor: int = 0
    currency: str | None = None
    rate: Decimal = ZERO
    uses_left: int | None = None
    plan_ids: frozenset[str] = frozenset()
    metric_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CouponLine:
    """A line as coupons see it; `remaining` is what the coupons before left of it (minor units)."""

    remaining: Decimal
    plan_id: str | None = None
    metric_id: str | None = None


@dataclass(frozen=True)
class CouponCredit:
    """What one coupon took off: `minor` in total, `shares` by line (same order as the lines), and
    the coupon as it is afterwards."""

    coupon_id: str
    minor: int
    shares: tuple[Decimal, ...]
    amount_left_minor: int
    uses_left: int | None
    terminated: bool


def in_order(coupons: Sequence[Coupon]) -> list[Coupon]:
    """Coupons (given in creation order) in the order they are applied."""
    return sorted(coupons, key=lambda c: 0 if c.metric_ids else 1 if c.plan_ids else 2)


def matches(coupon: Coupon, line: CouponLine) -> bool:
    """Whether the coupon's limits let it act on the line. Metric limits win over plan limits."""
    if coupon.metric_ids:
        return line.metric_id in coupon.metric_ids
    return not coupon.plan_ids or line.plan_id in coupon.plan_ids


def credit_amount(coupon: Coupon, base: Decimal) -> int:
    """What the coupon takes off a base, in whole minor units, never more than the base."""
    with exact():
        most = int(max(base, ZERO).to_integral_value(rounding=ROUND_FLOOR))
        if coupon.kind == CouponKind.FIXED:
            return min(coupon.amount_minor, most)
        return min(int(round_half_up(base * coupon.rate / 100)), most)


def apply_coupon(coupon: Coupon, lines: Sequence[CouponLine]) -> CouponCredit | None:
    """The credit of one coupon on these lines, or None when it has nothing to act on."""
    weights = [line.remaining if matches(coupon, line) else ZERO for line in lines]
    with exact():
        minor = credit_amount(coupon, sum(weights, ZERO))
        if minor <= 0:
            return None
        shares = [Decimal(part) / _SHARE_SCALE for part in allocate_minor(minor * _SHARE_SCALE, weights)]
    amount_left, uses_left, terminated = _afterwards(coupon, minor)
    return CouponCredit(coupon.id, minor, tuple(shares), amount_left, uses_left, terminated)


def _afterwards(coupon: Coupon, used: int) -> tuple[int, int | None, bool]:
    """(amount left, uses left, terminated) after a credit of `used`."""
    if coupon.frequency == Frequency.FOREVER:
        return coupon.amount_minor, coupon.uses_left, False
    if coupon.frequency == Frequency.RECURRING:
        uses_left = max((coupon.uses_left or 0) - 1, 0)
        return coupon.amount_minor, uses_left, uses_left == 0
    if coupon.kind == CouponKind.PERCENTAGE:
        return coupon.amount_minor, coupon.uses_left, True
    left = coupon.amount_minor - used
    return left, coupon.uses_left, left <= 0


def apply_coupons(
    coupons: Sequence[Coupon], lines: Sequence[CouponLine], currency: str
) -> tuple[CouponCredit, ...]:
    """Apply coupons (in creation order) to an invoice in `currency`; those of no effect are left out."""
    credits: list[CouponCredit] = []
    rest = list(lines)
    for coupon in in_order(coupons):
        if coupon.kind == CouponKind.FIXED and coupon.currency not in (None, currency):
            continue
        credit = apply_coupon(coupon, rest)
        if credit is None:
            continue
        credits.append(credit)
        with exact():
            rest = [
                replace(line, remaining=line.remaining - part)
                for line, part in zip(rest, credit.shares, strict=True)
            ]
    return tuple(credits)
