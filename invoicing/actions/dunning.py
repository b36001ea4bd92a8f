"""The dunning run: customers who owe too much for too long are reminded, and what else their campaign says.

Idempotent: a customer is looked at under its lock, what is due is read anew, and a step leaves its row (unique by
case and day) in the transaction that does it. So two workers at once do a step once, a killed one leaves nothing
behind, and a payment in between is seen. A customer whose step fails gets a job that staff see and can run again; the
others are not held up.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billing.actions import audit, later
from billing.actions.clock import clocks
from billing.actions.locks import lock_customer
from billing.actions.webhooks import emit
from billing.models import Organization
from billing.orm.actor import Actor
from billing.rules.periods import local_date
from invoicing.actions.dunning_steps import go_on_again, perform
from invoicing.models import CaseOutcome, DunningAct, DunningCampaign, DunningCase
from invoicing.queries.dunning import Standing, case_payload, standings
from invoicing.rules.dunning import Next, Verdict, after, first_day_of, moment_of, next_step

logger = logging.getLogger(__name__)
TASK = "invoicing.dunning"
BY = Actor.system("Dunning")


def run_all(at: datetime) -> list[str]:
    """The beat's round: every organization that lives in real time. Sandboxes whose clock was set follow that clock:
    nothing falls due between its moves, but a payment may end a chase.
    """
    return [text for where, moment in clocks(at) for text in run(where, moment)]


def run(where: Q, at: datetime) -> list[str]:
    """Do what is due; what failed, in words. A customer that somebody else holds waits for the next round."""
    chasing = DunningCampaign.objects.filter(where, active=True).values("organization")
    chased = DunningCase.objects.filter(where).running().values("organization")
    failed: list[str] = []
    for organization in Organization.objects.filter(Q(pk__in=chasing) | Q(pk__in=chased)).order_by("pk"):
        keys = {row.customer_id for row in standings(organization, at) if waits(row, at)}
        worked = []
        for key in sorted(keys):
            try:
                if look(key, at=at, wait=False):
                    worked.append(key)
            except Exception as error:  # one customer of many: the others are still looked at
                logger.exception("Dunning: customer %s failed.", key)
                failed.append(f"Dunning: {later.reason(error)}")
                hand_over(organization, key)
        held = DunningCase.objects.filter(customer__in=worked, failed=True).running()
        later.healed(TASK, sorted(set(worked) - set(held.values_list("customer", flat=True))))
    return failed


def waits(row: Standing, at: datetime) -> bool:
    """Whether there is something to do about a debt now."""
    told, case = row.verdict(at), row.case
    if told in (Verdict.START, Verdict.END):
        return True
    if case is None or case.failed:
        return False
    if told == Verdict.HOLD:
        return case.next_at is not None
    if told == Verdict.FINISHED:
        return case.finished_at is None
    return case.next_at is None or case.next_at <= at


@transaction.atomic
def look_again(customer_id: UUID, *, at: datetime) -> None:
    """Look at a customer for whom something has failed; what fails again is held again."""
    lock_customer(customer_id)
    DunningCase.objects.filter(customer=customer_id, failed=True).update(failed=False)
    look(customer_id, at=at)


@transaction.atomic
def look(customer_id: UUID, *, at: datetime, wait: bool = True) -> bool:
    """Look at one customer. False: somebody else holds it (only with `wait=False`)."""
    customer = lock_customer(customer_id, wait=wait)
    if customer is None:
        return False
    for row in standings(customer.organization, at, customer):
        if waits(row, at):
            follow(customer, row, at=at)
    return True


def follow(customer: Any, row: Standing, *, at: datetime) -> None:
    """Do what the rule says about one debt of a locked customer."""
    told, case = row.verdict(at), row.case
    if told == Verdict.START and row.campaign is not None:
        case = begin(customer, row, row.campaign, at=at)
    if case is None:
        return
    if told == Verdict.END:
        end(customer, case, row, at=at)
        return
    if told == Verdict.HOLD:
        case.next_at = None
        case.save(update_fields=["next_at", "updated_at"])
        return
    terms = row.campaign.terms if row.campaign else case.campaign.terms
    coming = next_step(terms, case.progress)
    early = coming is not None and coming.on > local_date(
        at, row.tz
    )  # the terms or the time zone have changed
    if coming is not None and (
        case.next_at is None or early
    ):  # or it begins, or goes on after it was held back
        case.next_at = moment_of(max(coming.on, first_day_of(at, row.tz)), row.tz)
        case.finished_at = None
        case.save(update_fields=["next_at", "finished_at", "updated_at"])
    if coming is not None and case.next_at is not None and case.next_at <= at:
        act(customer, case, row, coming, at=at)
        coming = next_step(terms, case.progress)
        case.next_at = moment_of(coming.on, row.tz) if coming else None
        case.save(update_fields=["next_at", "updated_at"])
    if coming is None and case.finished_at is None:
        finish(customer, case, row, at=at)


def begin(customer: Any, row: Standing, campaign: DunningCampaign, *, at: datetime) -> DunningCase:
    """A chase begins."""
    case = DunningCase.objects.create(
        organization=customer.organization,
        customer=customer,
        campaign=campaign,
        currency=row.currency,
        started_at=at,
        started_on=first_day_of(at, row.tz),
    )
    changes = {"currency": (None, row.currency), "overdue_minor": (None, row.overdue_minor)}
    audit.record(
        customer.organization, "dunning_case.started", case, by=BY, at=at, customer=customer, changes=changes
    )
    return case


def act(customer: Any, case: DunningCase, row: Standing, coming: Next, *, at: datetime) -> None:
    """Do one step, and note how far the chase has come."""
    done = DunningAct(
        organization=customer.organization,
        case=case,
        day=coming.step.day,
        kind=coming.step.kind.value,
        at=at,
        overdue_minor=row.overdue_minor,
    )
    done.save(
        force_insert=True
    )  # first: whoever comes second at the same step fails here, before anything is sent
    perform(customer, case, done, by=BY, at=at)
    done.save()
    progress = after(case.progress, coming.step, local_date(at, row.tz))
    case.last_day, case.last_on, case.attempts = progress.last_day, progress.last_on, progress.attempts
    case.save(update_fields=["last_day", "last_on", "attempts", "updated_at"])
    audit.record(
        customer.organization,
        "dunning_case.step_done",
        case,
        by=BY,
        at=at,
        customer=customer,
        changes={"step": (None, f"{coming.number} of {coming.of}"), "kind": (None, done.kind)},
        reason=done.note,
    )


def finish(customer: Any, case: DunningCase, row: Standing, *, at: datetime) -> None:
    """Every step was done, and it is still owed: people must decide."""
    case.finished_at, case.next_at = at, None
    case.save(update_fields=["finished_at", "next_at", "updated_at"])
    audit.record(customer.organization, "dunning_case.finished", case, by=BY, at=at, customer=customer)
    data = case_payload(case, row.overdue_minor)
    emit(customer.organization, "dunning_campaign.finished", case, data, at=at)


def end(customer: Any, case: DunningCase, row: Standing, *, at: datetime) -> None:
    """The chase is over; what it has paused goes on when it was paid."""
    outcome = CaseOutcome.CAMPAIGN
    if row.gone:
        outcome = CaseOutcome.CUSTOMER
    elif row.overdue_minor <= 0:
        outcome = CaseOutcome.PAID
    case.ended_at, case.outcome, case.next_at, case.failed = at, outcome.value, None, False
    case.save(update_fields=["ended_at", "outcome", "next_at", "failed", "updated_at"])
    said = [outcome.label]
    if outcome == CaseOutcome.PAID:
        said += go_on_again(customer, case, by=BY, at=at)
    audit.record(
        customer.organization,
        "dunning_case.ended",
        case,
        by=BY,
        at=at,
        customer=customer,
        changes={"outcome": (None, outcome.value)},
        reason=". ".join(said),
    )


def hand_over(organization: Organization, customer_id: UUID) -> None:
    """Hold the chases of a customer for whom something failed, and make a job of it: it has a reason and a button."""
    DunningCase.objects.filter(customer=customer_id).running().update(failed=True)
    customer = DunningCase.customer.field.related_model.objects.get(pk=customer_id)  # type: ignore[attr-defined]
    later.enqueue_again(
        organization,
        TASK,
        key=f"dunning:{customer_id}",
        label=f"Dunning of {customer.display_name}",
        subject_id=customer_id,
    )
