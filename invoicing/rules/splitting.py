"""How money that came is spread over invoices.

Laws. What is chosen for an invoice goes there, and never more than is due of it. What is left goes to the others, the
oldest first, each as far as it is due. The parts and the rest add up to what came; while an invoice without a chosen
amount is still due, there is no rest.

Example: 100.00 came; due are A 60.00, B 50.00, C 20.00. By itself: A 60.00, B 40.00. With 20.00 chosen for C:
C 20.00, A 60.00, B 20.00. 150.00 pays all three and leaves 20.00.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from billing.rules.errors import FieldErrors, Invalid

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Split(Generic[Key]):
    """What each invoice gets, in the order of the invoices and never 0, and what is left, in minor units."""

    parts: dict[Key, int]
    rest_minor: int

    @property
    def seen(self) -> str:
        """The split in one word, to be sent back as what was agreed to."""
        return ",".join(f"{key}:{minor}" for key, minor in self.parts.items()) + f"|{self.rest_minor}"


def split(amount_minor: int, due: Sequence[tuple[Key, int]], chosen: Mapping[Key, int]) -> Split[Key]:
    """Spread an amount over `due` [(invoice, what is due)], the oldest first. `chosen`: amounts for some of them; 0
    leaves one out.

    Raises Invalid (field amount) when nothing came, or less than was chosen, and FieldErrors
    (`invoices[<key>]`) for what is chosen above what is due, below 0, or for an invoice that is not among `due`.
    """
    if amount_minor <= 0:
        raise Invalid("Must be more than 0.", field="amount")
    open_ = dict(due)
    faults = []
    for key, minor in chosen.items():
        if key not in open_:
            faults.append((f"invoices[{key}]", "Nothing is due of this invoice."))
        elif minor < 0:
            faults.append((f"invoices[{key}]", "Must not be negative."))
        elif minor > open_[key]:
            faults.append((f"invoices[{key}]", "More than is due."))
    if faults:
        raise FieldErrors(faults)
    left = amount_minor - sum(chosen.values())
    if left < 0:
        raise Invalid("The invoices get more than came.", code="more_than_came", field="amount")
    parts: dict[Key, int] = {}
    for key, minor in due:
        part = chosen[key] if key in chosen else min(left, minor)
        left -= 0 if key in chosen else part
        if part:
            parts[key] = part
    return Split(parts, left)
