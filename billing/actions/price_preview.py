"""What changing a plan would mean for the subscriptions that exist: the change itself, done and undone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions.plans import update_plan
from billing.actions.price_versions import ASK, Unconfirmed
from billing.models import Plan
from billing.orm.actor import Actor
from billing.queries.price_effect import Effect


@transaction.atomic
def foresee_update(
    plan: Plan, changes: Mapping[str, Any], rest: Mapping[str, Any], *, by: Actor, at: datetime
) -> Effect | None:
    """The effect of `update_plan` with these; None when prices stay or nobody pays them. Raises what it raises."""
    try:
        with transaction.atomic():
            update_plan(plan, changes, **dict(rest) | {"follow": ASK}, by=by, at=at)
            transaction.set_rollback(True)
    except Unconfirmed as error:
        return error.effect
    return None
