"""What an act does to the next invoices, as drawers and dialogs show it: moment by moment, without and with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.rules.errors import BillingError
from invoicing.actions.effects import Effect
from invoicing.queries.foreseen import Coming


@dataclass
class Moment:
    """The invoices of one moment, as things stand and with the act."""

    at: datetime
    before: list[Coming] = field(default_factory=list)
    after: list[Coming] = field(default_factory=list)


def shown_effect(work: Callable[[], Effect]) -> dict[str, Any]:
    """`effect` with its `moments` and what is left to pay in all; or `effect_busy`: why there is no figure."""
    try:
        effect = work()
    except BillingError as error:
        return {"effect": None, "effect_busy": str(error)}
    moments: dict[datetime, Moment] = {}
    for name in ("before", "after"):
        for item in getattr(effect, name):
            getattr(moments.setdefault(item.at, Moment(item.at)), name).append(item)
    return {
        "effect": effect,
        "effect_busy": "",
        "moments": [moments[at] for at in sorted(moments)],
        "before_minor": sum(item.bill.due_minor for item in effect.before),
        "after_minor": sum(item.bill.due_minor for item in effect.after),
    }
