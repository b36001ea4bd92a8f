"""What progressive invoices have asked for is taken off the invoice that closes their period.

Laws. A progressive invoice bills the whole usage of the running period so far, less what earlier ones of that period
have billed; so do the next one and the closing invoice. By charge, the amounts come off the charge's lines in their
order, the oldest invoice first, and never more than a line has. What is left over (usage was taken back since) is the
excess, which a credit note gives back. What credit notes took back of a progressive invoice was not billed.

Example: progressive invoices over 220 and 440 of a charge; the period closes with 600 for it: 220 and 380 come off,
the line asks for 0, and 60 of the second invoice is excess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from billing.rules.money import exact, round_half_up
from invoicing.rules.lines import Line, LineKind


@dataclass(frozen=True)
class Billed:
    """A line of a progressive invoice: what it asked for itself, in minor units before coupons and tax."""

    line_id: str
    number: str
    charge_id: str
    amount_minor: int


def asked_for(amount_minor: int, coupon: Decimal, credited_minor: int) -> int:
    """Of a line's amount, what credit notes have left. They count after coupons, so the share is taken."""
    with exact():
        net = amount_minor - coupon
        if credited_minor <= 0 or net <= 0:
            return amount_minor
        return max(int(round_half_up(amount_minor * (1 - credited_minor / net))), 0)


def take_off(lines: Sequence[Line], billed: Sequence[Billed]) -> tuple[list[Line], dict[str, int]]:
    """The lines with what is billed already, and the excess {progressive line id: minor units}. Oldest first."""
    rest = {item.line_id: item.amount_minor for item in billed}
    found: list[Line] = []
    for line in lines:
        parts: dict[str, int] = {}
        room = line.amount_minor if line.kind is LineKind.CHARGE else 0
        for item in billed:
            taken = min(rest[item.line_id], room)
            if taken > 0 and item.charge_id == line.facts.charge_id:
                rest[item.line_id] -= taken
                room -= taken
                parts[item.number] = parts.get(item.number, 0) + taken
        found.append(replace(line, progressive=tuple(parts.items())) if parts else line)
    return found, {key: minor for key, minor in rest.items() if minor > 0}
