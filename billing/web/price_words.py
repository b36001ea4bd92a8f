"""Changes of prices in words: what each part cost before and costs after."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from billing.queries.version_changes import Difference
from billing.web.formats import money_text, units_text
from billing.web.pricing import charge_words

LABELS = {"fee": "Subscription fee", "commitment": "Minimum commitment"}
LABELS |= {"invoice_name": "Name on invoices", "commitment_name": "Name of the minimum", "taxes": "Taxes"}


def difference_rows(found: Iterable[Difference], own: str) -> list[dict[str, str]]:
    """[{label, before, after}]; parts in another currency than the plan's `own` say so."""
    return [
        {
            "label": (LABELS.get(one.kind) or one.name)
            + (f" in {one.currency}" if one.currency != own else ""),
            "before": part_words(one.before, one.currency),
            "after": part_words(one.after, one.currency),
        }
        for one in found
    ]


def part_words(value: Any, currency: str) -> str:
    """A fee or commitment as an amount, a charge or fixed charge as its model and prices; nothing: none.
    A name and codes of taxes as they are.
    """
    if value is None:
        return "none"
    if isinstance(value, int):
        return money_text(value, currency)
    if isinstance(value, str):
        return value or "the plan's"
    if isinstance(value, list):
        return ", ".join(value) or "as for everything else"
    words = charge_words(value, currency)
    if "units" not in value:
        return words
    when = "in advance" if value["pay_in_advance"] else "in arrears"
    days = ", by days" if value["prorated"] else ""
    return f"{units_text(value['units'])} units {when}{days}. {words}"
