"""The billing run: everything that is due becomes invoices, a customer at a time, each in its own
transaction.

Idempotent: a period that is billed has its row (unique by subscription, kind and start), and
`next_billing_at` moves in the same transaction. So it may run twice at once (a customer that is locked is
skipped), and be killed at any moment: what was not committed is due again. A customer whose bill fails gets
a job that staff see and can run again; the others are not held up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.actions import later
from billing.actions.clock import clocks
from billing.actions.locks import lock_customer, lock_customer_of, lock_present_customer
from billing.actions.subscriptions import RENEWED, activate, lock_subscription
from billing.actions.successors import scheduled_for
from billing.actions.webhooks import heard_there
from billing.models import Job, Organization, Subscription
from billing.orm.actor import Actor
from billing.orm.compiled import Compiled
from billing.queries.schedules import customer_zone
from billing.rules.errors import Conflict
from billing.rules.states import JobState, SubscriptionStatus
from invoicing.actions import past_due
from invoicing.actions.advance import work_off
from invoicing.actions.announcing import tell_of_overdue
from invoicing.actions.finalize import finalize_locked
from invoicing.actions.pauses import end_pause
from invoicing.actions.periods import bill_due, invoice_windows
from invoicing.actions.termination import terminate_subscription
from invoicing.models import Invoice
from invoicing.queries.due import BILLED, accounts, start_windows, trial_windows
from invoicing.queries.facts import window_lines
from invoicing.queries.rates import Rates

logger = logging.getLogger(__name__)

BATCH = 500


@dataclass
class RunResult:
    """What a run did: invoices made, drafts finalised, customers or drafts that failed."""

    invoices: int = 0
    finalized: int = 0
    failed: list[str] = field(default_factory=list)


def run(at: datetime, *, backwards: bool = False) -> RunResult:
    """Bill everything that is due, finalise the drafts whose grace period is over, note who has not paid in time.

    An organization with a clock of its own is billed by that clock. `backwards`: from the other end, so that
    two runs at once share the work and meet in the middle.
    """
    result = RunResult()
    for where, moment in clocks(at):
        bill_customers(where, moment, result, backwards=backwards)
        finalize_drafts(where, moment, result, backwards=backwards)
        past_due.run(where, moment)
        tell_of_overdue(where, moment)
    return result


def due(at: datetime) -> Q:
    """Subscriptions for which something is to be done: start, end of a period, of a trial, of their life."""
    running = Q(status__in=BILLED)
    pending = Q(status=SubscriptionStatus.PENDING.value, previous=None, subscription_at__lte=at)
    trial = Q(status=SubscriptionStatus.TRIALING.value, trial_ends_at__lte=at)
    ending = Q(ending_at__lte=at)
    paused = Q(status=SubscriptionStatus.PAUSED.value) & (Q(resumes_at__lte=at) | ending)
    return pending | running & (Q(next_billing_at__lte=at) | ending) | trial | paused


def bill_customers(where: Q, at: datetime, result: RunResult, *, backwards: bool = False) -> None:
    """Every customer with something due, each in a transaction of its own."""
    by = Actor.system()
    rates: dict[UUID, Rates] = {}
    billed: list[UUID] = []
    for customer_id, organization_id in due_customers(where, at, rates, backwards=backwards):

        def bill(customer_id: UUID = customer_id, organization_id: UUID = organization_id) -> None:
            made = bill_customer(customer_id, by=by, at=at, rates=rates[organization_id], wait=False)
            if made is not None:
                billed.append(customer_id)
                result.invoices += len(made)

        attempt(bill, organization_id, "invoicing.bill_customer", customer_id, "Bill the customer", result)
    later.healed("invoicing.bill_customer", billed)


def due_customers(
    where: Q, at: datetime, rates: dict[UUID, Rates], *, backwards: bool
) -> Iterator[tuple[UUID, UUID]]:
    """(customer, organization) of what is due, in batches whose taxes are read together into `rates`."""
    rows = Subscription.objects.filter(where, due(at)).order_by(
        "-customer_id" if backwards else "customer_id"
    )
    found = rows.values_list("customer_id", "organization_id", "plan_id")
    rest = found
    while batch := list(rest[:BATCH]):
        read_together(rates, batch)
        yield from dict.fromkeys((row[0], row[1]) for row in batch)
        last = batch[-1][0]
        rest = found.filter(customer_id__lt=last) if backwards else found.filter(customer_id__gt=last)


def read_together(rates: dict[UUID, Rates], rows: Sequence[tuple[UUID, ...]]) -> None:
    """Read anew what a batch of (customer, organization[, plan]) will ask for, in a few queries."""
    rates.clear()
    for organization_id in {row[1] for row in rows}:
        own = [row for row in rows if row[1] == organization_id]
        rates[organization_id] = Rates(organization_id)
        rates[organization_id].load({row[2] for row in own if len(row) > 2}, {row[0] for row in own})


@transaction.atomic
def bill_customer(
    customer_id: UUID, *, by: Actor, at: datetime, rates: Rates | None = None, wait: bool = True
) -> list[Invoice] | None:
    """Bill everything that is due of one customer. None: somebody else holds it (only with `wait=False`)."""
    customer = lock_customer(customer_id, wait=wait, joined=False)
    if customer is None:
        return None
    rates = rates or Rates(customer.organization_id)
    customer.organization = rates.organization
    customer.billing_entity = rates.entity(customer.billing_entity_id)
    made: list[Invoice] = []
    rows = due_rows(customer, at, rates)
    changed = False
    for row in rows:
        if row.status == SubscriptionStatus.PENDING.value:
            started = activate(row, by=by, at=at)
            made += bill_opening(customer, started, by=by, at=at, rates=rates)
            changed = True
        elif row.resumes_at is not None and row.resumes_at <= at:
            end_pause(customer, row, resumed_at=row.resumes_at, by=by, at=at)
            changed = True
    if changed:
        rows = due_rows(customer, at, rates)
    work_off(customer, rows, by=by, at=at, rates=rates)
    ending = [row for row in rows if row.ending_at is not None and row.ending_at <= at]
    ending = [row for row in ending if not changes_first(row)]
    made += bill_due(customer, [row for row in rows if row not in ending], by=by, at=at, rates=rates)
    for row in ending:
        ended = terminate_subscription(
            row, canceled=row.is_canceling, by=by, at=at, ended_at=row.ending_at, rates=rates
        )
        made += ended.invoices
    return made


def changes_first(row: Subscription) -> bool:
    """Whether a plan was to change before this end: then the run was late, and its successor ends with the next."""
    found = scheduled_for(row)
    return (
        found is not None
        and found.takes_over_at is not None
        and row.ending_at is not None
        and found.takes_over_at < row.ending_at
    )


def due_rows(customer: Any, at: datetime, rates: Rates) -> list[Subscription]:
    """The locked subscriptions of a locked customer with something to do."""
    rows = list(DUE.rows(at, customer.pk))
    for row in rows:
        row.customer, row.plan = customer, rates.plan(row.plan_id)
    return rows


def due_of(at: datetime, customer_id: UUID) -> QuerySet[Subscription]:
    """`due_rows` as a query; `changes_plan`: another plan waits for the end of the period; `renewal_heard`: somebody
    is to be told that it goes on.
    """
    waiting = Subscription.objects.filter(previous=OuterRef("pk"), status=SubscriptionStatus.PENDING.value)
    found = Subscription.objects.filter(due(at), customer_id=customer_id)
    asked = {"changes_plan": Exists(waiting), "renewal_heard": heard_there(RENEWED)}
    return found.annotate(**asked).locked(no_key=True)


DUE = Compiled(due_of, datetime, UUID)


def bill_opening(
    customer: Any, subscription: Subscription, *, by: Actor, at: datetime, rates: Rates
) -> list[Invoice]:
    """What a subscription that starts pays in advance: its fixed charges, and the fee for its first period or for the
    one in which its trial has already ended.
    """
    tz = customer_zone(customer)
    account = accounts([subscription], tz, rates)[subscription.pk]
    windows = start_windows(account)
    trial = subscription.trial_ends_at
    if not account.fees and trial is not None and trial <= at:
        windows += trial_windows(account, trial)
    return invoice_windows(customer, windows, by=by, at=at, rates=rates) if windows else []


@transaction.atomic
def bill_start(subscription: Subscription, *, by: Actor, at: datetime) -> Invoice | None:
    """Bill the first fee of a plan in advance. None in arrears, during a trial, or when it was billed."""
    customer = lock_customer_of(subscription)
    subscription = lock_subscription(subscription)
    rates = Rates(customer.organization_id)
    made = bill_opening(customer, subscription, by=by, at=at, rates=rates)
    return made[0] if made else None


@transaction.atomic
def bill_now(customer: Any, *, by: Actor, at: datetime) -> Invoice:
    """A draft for everything used up to now that is on no invoice; the plan's fee waits for the period's end.

    Raises Conflict (nothing_to_bill) when there is no usage since the last bill.
    """
    customer = lock_present_customer(customer.pk)
    rates = Rates(customer.organization_id)
    made = bill_customer(customer.pk, by=by, at=at, rates=rates) or []
    tz = customer_zone(customer)
    running = Subscription.objects.filter(customer=customer, status__in=BILLED)
    rows = list(running.select_related("plan").locked(no_key=True))
    work_off(customer, rows, by=by, at=at, rates=rates)
    windows = [
        account.usage(at, closing=False)
        for account in accounts(rows, tz).values()
        if account.usage_until < at
    ]
    if windows and window_lines(windows, tz=tz, currency=windows[0].subscription.currency, rates=rates):
        made += invoice_windows(customer, windows, by=by, at=at, rates=rates)
    if not made:
        raise Conflict(
            "There is no usage since the last invoice, so nothing to bill.", code="nothing_to_bill"
        )
    return made[-1]


def finalize_drafts(where: Q, at: datetime, result: RunResult, *, backwards: bool = False) -> None:
    """Drafts whose grace period is over, the oldest first; each in a transaction of its own."""
    by = Actor.system()
    done: list[UUID] = []
    rates: dict[UUID, Rates] = {}
    for draft in due_drafts(where, at, rates, backwards=backwards):

        def finalize(draft: Invoice = draft) -> None:
            if finalize_due(draft, rates=rates[draft.organization_id], by=by, at=at):
                done.append(draft.pk)
                result.finalized += 1

        attempt(
            finalize, draft.organization_id, "invoicing.finalize_draft", draft.pk, "Finalise a draft", result
        )
    later.healed("invoicing.finalize_draft", done)


def due_drafts(where: Q, at: datetime, rates: dict[UUID, Rates], *, backwards: bool) -> Iterator[Invoice]:
    """Drafts to finalise, in batches whose taxes are read together into `rates`."""
    rows = Invoice.objects.to_finalize(at).filter(where).order_by("finalize_at", "pk")
    rows = rows.reverse() if backwards else rows
    drafts = rows.only("pk", "customer_id", "organization_id").iterator(chunk_size=BATCH)
    while batch := list(islice(drafts, BATCH)):
        read_together(rates, [(draft.customer_id, draft.organization_id) for draft in batch])
        yield from batch


TO_FINALIZE = Compiled(
    lambda at, key: Invoice.objects.to_finalize(at).filter(pk=key).select_for_update(of=("self",)),
    datetime,
    UUID,
)


@transaction.atomic
def finalize_due(draft: Invoice, *, rates: Rates, by: Actor, at: datetime) -> bool:
    """Finalise a draft of the run, unless somebody else holds its customer or has dealt with it."""
    customer = lock_customer_of(draft, wait=False, joined=False)
    if customer is None:
        return False
    invoice = next(TO_FINALIZE.rows(at, draft.pk), None)
    if invoice is None:
        return False
    customer.organization = invoice.organization = rates.organization
    customer.billing_entity = rates.entity(customer.billing_entity_id)
    invoice.billing_entity = rates.entity(invoice.billing_entity_id)
    finalize_locked(invoice, customer, rates=rates, by=by, at=at)
    return True


def attempt(
    work: Callable[[], None],
    organization_id: UUID,
    task: str,
    subject_id: UUID,
    label: str,
    result: RunResult,
) -> None:
    """Do one item of the batch. When it fails, a job stands for it until it succeeds."""
    try:
        work()
    except Exception as error:
        logger.exception("%s: %s failed.", task, subject_id)
        result.failed.append(f"{label} {subject_id}: {error}")
        known = [JobState.QUEUED.value, JobState.RUNNING.value, JobState.FAILED.value]
        if not Job.objects.filter(task=task, subject_id=subject_id, state__in=known).exists():
            organization = Organization.objects.get(pk=organization_id)
            later.enqueue(organization, task, key=f"{task}:{subject_id}", label=label, subject_id=subject_id)
