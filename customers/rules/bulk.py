"""Acts on many customers at once: which there are, what each needs, and what stays as it is.

Laws. An act says of every customer whether it changes and, if not, why. Undoing takes back only what the act itself
has brought about: a customer that was changed since keeps its newer value.
Example: of an act "add VIP" on a customer with VIP nothing is to be undone; on one without, VIP goes again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

UNDO = "undo"
MOST = 50_000  # customers in one run


@dataclass(frozen=True)
class Act:
    """`needs` is what must be chosen: tags, status, term, entity or provider. `column` is what it sets. An act with
    neither sets nothing, so that there is nothing to undo.
    """

    key: str
    label: str
    needs: str
    icon: str
    column: str


ACTS = {
    act.key: act
    for act in (
        Act("add_tags", "Add tags", "tags", "tag", "tag_ids"),
        Act("remove_tags", "Remove tags", "tags", "eraser", "tag_ids"),
        Act("set_status", "Set status", "status", "circle-dot", "status"),
        Act("set_term", "Set payment term", "term", "calendar-clock", "net_payment_term_days"),
        Act("set_entity", "Set billing entity", "entity", "building-2", "billing_entity"),
        Act("set_provider", "Set preferred provider", "provider", "credit-card", "preferred_provider"),
        Act("check_vat", "Check VAT numbers again", "", "refresh-cw", ""),
    )
}


def new_tags(act: str, has: Iterable[Any], tags: Iterable[Any]) -> tuple[set[Any], set[Any]]:
    """(what comes, what goes) when `add_tags` or `remove_tags` meets a customer that has these."""
    own, given = set(has), set(tags)
    return (given - own, set()) if act == "add_tags" else (set(), given & own)


def still_there(set_value: Any, now_value: Any) -> bool:
    """Whether a customer still has what a run set, so that an undo may put the old value back."""
    return bool(set_value == now_value)
