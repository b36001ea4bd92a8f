"""Chases of a customer that is merged into another one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models.functions import Now

from billing.actions import audit
from billing.orm.actor import Actor
from invoicing.models import CaseOutcome, DunningCase, DunningChoice


def hand_on_chases(source: Any, target: Any, *, by: Actor, at: datetime) -> None:
    """They go on with the target, unless it is chased for the same currency already: then the source's ends. A step
    that had failed is tried again, since its job was about the source. What somebody has stopped for the source stays
    stopped: its debts are the target's now. Both are locked.
    """
    known = set(DunningCase.objects.filter(customer=target).running().values_list("currency", flat=True))
    for case in DunningCase.objects.filter(customer=source, currency__in=known).running().locked():
        case.ended_at, case.outcome, case.next_at = at, CaseOutcome.CUSTOMER.value, None
        case.save(update_fields=["ended_at", "outcome", "next_at", "updated_at"])
        audit.record(
            target.organization,
            "dunning_case.ended",
            case,
            by=by,
            at=at,
            customer=target,
            changes={"outcome": (None, case.outcome)},
        )
    DunningCase.objects.filter(customer=source).update(customer=target, failed=False, updated_at=Now())
    stopped = DunningChoice.objects.filter(customer=source, stopped_at__isnull=False).first()
    if stopped is None:
        return
    own = DunningChoice.objects.filter(customer=target).first()
    row = own or DunningChoice(organization=target.organization, customer=target)
    if row.stopped_at is None:
        row.stopped_at, row.reason, row.by_label = stopped.stopped_at, stopped.reason, stopped.by_label
        row.save()
        DunningCase.objects.filter(customer=target).running().update(next_at=None, updated_at=Now())
