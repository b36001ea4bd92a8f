"""What the steps of a dunning campaign do, and what is taken back once it is paid. The caller holds the customer."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.actions.pauses import pause_subscription
from billing.models import BillingEntity, Subscription
from billing.orm.actor import Actor
from billing.rules.states import SubscriptionStatus
from invoicing.actions.collecting import ask_to_charge
from invoicing.actions.mail import mails_customers
from invoicing.actions.past_due import late
from invoicing.actions.pauses import resume_subscription
from invoicing.actions.payment_requests import MOST_INVOICES, request_payment
from invoicing.actions.termination import terminate_subscription
from invoicing.models import DunningAct, DunningCase, Invoice, WriteOff, WriteOffKind
from invoicing.queries.mail_facts import address_of
from invoicing.queries.payment_requests import day_in, overdue_of
from invoicing.rules.dunning import StepKind

RUNNING = [SubscriptionStatus.ACTIVE.value, SubscriptionStatus.PAST_DUE.value]
PAUSED = SubscriptionStatus.PAUSED.value


def perform(customer: Any, case: DunningCase, act: DunningAct, *, by: Actor, at: datetime) -> None:
    """Do the step of `act`; what came of it stands in its note."""
    if act.kind == StepKind.REMIND.value:
        act.note = remind(customer, case, act, by=by, at=at)
    elif act.kind == StepKind.CHARGE.value:
        act.note = charge(customer, case, act, at=at)
    elif act.kind == StepKind.PAUSE.value:
        act.note = pause(customer, case, act, by=by, at=at)
    else:
        act.note = terminate(customer, case, by=by, at=at)


def remind(customer: Any, case: DunningCase, act: DunningAct, *, by: Actor, at: datetime) -> str:
    """A payment request over all that is overdue, to each billing entity its own, by e-mail where there is one."""
    owed: dict[UUID, list[Invoice]] = defaultdict(list)
    entities: dict[UUID, BillingEntity] = {}
    rows = overdue_of(customer, day_in(customer.organization, at)).filter(currency=case.currency)
    for invoice in rows.select_related("billing_entity__organization"):
        owed[invoice.billing_entity_id].append(invoice)
        entities[invoice.billing_entity_id] = invoice.billing_entity
    address = address_of(customer)
    mailed = False
    for key in sorted(owed):
        mails = bool(address) and mails_customers(entities[key])
        mailed = mailed or mails
        request_payment(
            customer,
            currency=case.currency,
            entity=entities[key],
            chosen=[invoice.pk for invoice in owed[key][:MOST_INVOICES]],
            to=[address] if mails else (),
            bcc=case.campaign.bcc if mails else (),
            case=case,
            key=f"dunning:{case.pk}:{act.day}:{key}",
            by=by,
            at=at,
        )
    if mailed:
        return f"E-mail to {address}"
    if not address:
        return "Nobody was mailed: the customer has no e-mail address"
    return "Nobody was mailed: this is a sandbox"


def charge(customer: Any, case: DunningCase, act: DunningAct, *, at: datetime) -> str:
    """Workers are asked to charge each overdue invoice to what the customer has saved, unless staff have stopped
    charging it.
    """
    if not customer.collect_automatically:
        return "Nothing was charged: the customer is not charged automatically"
    rows = overdue_of(customer, day_in(customer.organization, at)).filter(currency=case.currency)
    rows = rows.select_related("organization")
    asked = [ask_to_charge(invoice, key=f"dunning:{case.pk}:{act.day}") for invoice in rows[:MOST_INVOICES]]
    number = sum(job is not None for job in asked)
    if not number:
        return "Nothing was charged: the customer has no saved payment method"
    return f"{number} invoice{'' if number == 1 else 's'} to be charged to the saved payment method"


def concerned(customer: Any, case: DunningCase, statuses: list[str], at: datetime) -> list[Subscription]:
    """The subscriptions that have something on the overdue invoices."""
    today = day_in(customer.organization, at)
    owing = Invoice.objects.filter(customer=customer, currency=case.currency).overdue(today)
    mine = Subscription.objects.filter(customer=customer, status__in=statuses)
    return list(late(mine, owing).order_by("pk"))


def pause(customer: Any, case: DunningCase, act: DunningAct, *, by: Actor, at: datetime) -> str:
    """Pause what is not paid for."""
    rows = concerned(customer, case, RUNNING, at)
    for row in rows:
        pause_subscription(row, reason=f"Not paid: {case.campaign}", by=by, at=at)
    act.subscriptions = [str(row.pk) for row in rows]
    return counted(len(rows), "paused")


def terminate(customer: Any, case: DunningCase, *, by: Actor, at: datetime) -> str:
    """End what is not paid for, with its closing bill."""
    rows = concerned(customer, case, [*RUNNING, PAUSED], at)
    for row in rows:
        terminate_subscription(row, reason=f"Not paid: {case.campaign}", by=by, at=at)
    return counted(len(rows), "ended")


def go_on_again(customer: Any, case: DunningCase, *, by: Actor, at: datetime) -> list[str]:
    """What was paused for this debt and nobody else has touched since goes on; in words. An earlier chase may have
    paused it: by the campaign that the customer had before, or of a customer that was merged into this one. What was
    given up as a bad debt was not paid: its subscriptions stay paused until somebody resumes them.
    """
    resumed = kept = 0
    bad_debts = WriteOff.objects.filter(kind=WriteOffKind.BAD_DEBT.value, undone_at=None)
    acts = DunningAct.objects.filter(case__customer=customer, case__currency=case.currency)
    for act in acts.filter(kind=StepKind.PAUSE.value, undone_at=None):
        rows = Subscription.objects.filter(customer=customer, pk__in=act.subscriptions, paused_at=act.at)
        bad = bad_debts.filter(written_off_at__gte=act.at).values("invoice")
        owing = Invoice.objects.filter(customer=customer, currency=case.currency, pk__in=bad)
        unpaid = set(late(rows, owing).values_list("pk", flat=True))
        for row in rows.filter(status=PAUSED).order_by("pk"):
            if row.pk in unpaid:
                kept += 1
                continue
            resume_subscription(row, by=by, at=at)
            resumed += 1
        act.undone_at = at
        act.save(update_fields=["undone_at", "updated_at"])
    said = [counted(resumed, "resumed")] if resumed else []
    return [*said, f"{counted(kept, 'kept paused')}: a bad debt"] if kept else said


def counted(number: int, verb: str) -> str:
    """ "1 subscription paused", "No subscription to be paused"."""
    if not number:
        return f"No subscription to be {verb}"
    return f"{number} subscription{'' if number == 1 else 's'} {verb}"
