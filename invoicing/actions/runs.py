"""Acts on many invoices at once: confirmed as a run with fixed rows, done one by one in a worker.

Each invoice is a transaction of its own by the act of a single invoice, with that act's audit line, e-mail and event;
its outcome is written in the same transaction, so that a worker that was killed goes on with the rows that still
wait, and does none twice. One that refuses does not stop the others; those that failed can be run again.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists
from django.utils import timezone

from billing.actions import audit, clock, later
from billing.actions.locks import lock_customer_of
from billing.models import Job, Organization
from billing.orm.actor import Actor
from billing.orm.scoped import ScopedQuerySet
from billing.rules.errors import BillingError, Conflict
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.payment_requests import MOST_INVOICES, request_payment
from invoicing.actions.publish import ask_for_pdf
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, InvoiceRun, InvoiceRunRow, PaymentRequest, RunOutcome
from invoicing.queries.mail_facts import address_of
from invoicing.queries.payment_requests import day_in, overdue_of
from invoicing.queries.runs import described, forecast, judge, mailed, open_requests
from invoicing.rules.bulk import ACTS, ARCHIVE, DO, FINALIZE, REQUEST, SEND, WHY
from invoicing.rules.states import InvoiceStatus

logger = logging.getLogger(__name__)
TASK, ARCHIVE_TASK = "invoicing.run", "invoicing.archive"
BATCH = 1000
SENT_MEANWHILE = "It was sent meanwhile."
ASKED_MEANWHILE = "It was asked for meanwhile."
NOTHING = "There was nothing to ask for: the draft was closed."


@transaction.atomic
def start_run(
    organization: Organization,
    rows: ScopedQuerySet,
    act: str,
    *,
    seen: str,
    reason: str = "",
    again: bool = False,
    query: str,
    token: str,
    by: Actor,
    at: datetime,
) -> InvoiceRun:
    """Fix the rows and hand them to a worker. The same token starts one run. `seen` is the forecast's that the person
    has confirmed. Conflict when it is another one now (selection_changed), when there are too many rows or none.
    """
    Organization.objects.select_for_update(of=("self",)).get(pk=organization.pk)
    found = InvoiceRun.objects.of(organization).filter(key=token).first()
    if found is not None:
        return found
    today = day_in(organization, at)
    now_is = forecast(rows, act, on=today, again=again)
    if now_is.too_many:
        raise Conflict(
            f"One run takes at most {ACTS[act].most:,} invoices: narrow the list.", code="too_many"
        )
    if not now_is.doing:
        raise Conflict("None of the selected invoices can be done any more.", code="none_selected")
    if now_is.seen != seen:
        raise Conflict("The selection has changed since. Look at it again.", code="selection_changed")
    run = InvoiceRun.objects.create(
        organization=organization,
        act=act,
        params={"reason": reason, "again": again, "by": [by.kind, by.label, str(by.user_id or "")]},
        query=query[:2000],
        actor_label=by.label[:200],
        key=token[:100],
        total=now_is.total,
    )
    judged = (
        judge(rows, act, on=today, again=again)
        .order_by("created_at", "pk")
        .values_list("pk", "number", "why")
    )
    InvoiceRunRow.objects.bulk_create(
        (
            InvoiceRunRow(
                organization=organization,
                run=run,
                invoice_id=key,
                label=number or "Draft",
                outcome=RunOutcome.WAITING if why == DO else RunOutcome.SKIPPED,
                note=WHY.get(why, ""),
            )
            for key, number, why in judged.iterator(BATCH)
        ),
        batch_size=BATCH,
    )
    changes = {"act": (None, described(run)), "invoices": (None, now_is.doing)}
    audit.record(organization, "bulk_act.started", run, by=by, at=at, changes=changes, reason=reason)
    enqueue(run, now_is.doing)
    return run


def enqueue(run: InvoiceRun, number: int) -> Job:
    """The job that does the rows that wait."""
    return later.enqueue(
        run.organization,
        ARCHIVE_TASK if run.act == ARCHIVE.key else TASK,
        key=f"invoice-run:{run.pk}",
        label=f"{described(run)} ({number} invoice{'' if number == 1 else 's'})",
        subject_id=run.pk,
    )


@transaction.atomic
def run_failed_again(run: InvoiceRun, *, by: Actor, at: datetime) -> InvoiceRun:
    """The rows that failed wait once more. Conflict while the run goes on, or when none has failed."""
    run = InvoiceRun.objects.locked().get(pk=run.pk)
    if not run.finished_at:
        raise Conflict("This run has not ended yet.", code="run_not_finished")
    number = run.rows.filter(outcome=RunOutcome.FAILED).update(outcome=RunOutcome.WAITING, note="")
    if not number:
        raise Conflict("None of its invoices has failed.", code="nothing_failed")
    run.finished_at = None
    run.save(update_fields=["finished_at", "updated_at"])
    changes = {"act": (None, described(run)), "invoices": (None, number)}
    audit.record(run.organization, "bulk_act.started", run, by=by, at=at, changes=changes)
    enqueue(run, number)
    return run


def carry_out(job: Job) -> None:
    """The rows of a run that still wait, then its end."""
    run = InvoiceRun.objects.select_related("organization").get(pk=job.subject_id)
    kind, label, user = run.params["by"]
    by = Actor(kind, label, user_id=UUID(user) if user else None)
    waiting = list(run.rows.filter(outcome=RunOutcome.WAITING).values_list("pk", flat=True))
    for key in waiting:
        try:
            one(run, key, by=by, at=clock.now(run.organization))
        except BillingError as error:
            refuse(key, str(error))
        except Exception as error:  # one item of the batch; the others go on
            logger.exception("Row %s of invoice run %s failed.", key, run.pk)
            refuse(key, later.reason(error))
    end(run)


@transaction.atomic
def one(run: InvoiceRun, key: UUID, *, by: Actor, at: datetime) -> None:
    """One invoice, and what came of it, together."""
    row = InvoiceRunRow.objects.select_related("invoice").get(pk=key)
    if row.outcome != RunOutcome.WAITING:
        return
    if row.invoice is None:
        raise Conflict("This draft was deleted.", code="invoice_deleted")
    row.note = act_on(run, row.invoice, by=by, at=at)
    row.outcome = RunOutcome.DONE
    row.save(update_fields=["outcome", "note", "updated_at"])


def act_on(run: InvoiceRun, invoice: Invoice, *, by: Actor, at: datetime) -> str:
    """Do the act to one invoice. Returns what there is to say about it."""
    if run.act == FINALIZE.key:
        final = finalize_invoice(invoice, by=by, at=at)
        return NOTHING if final.status == InvoiceStatus.CLOSED.value else final.number
    if run.act == SEND.key:
        ask_for_pdf(invoice)  # an old one may have none yet
        if not run.params.get("again") and mailed(invoice.pk).exists():
            return SENT_MEANWHILE
        mail = send_document_mail(invoice, key=f"run:{run.pk.hex}:{invoice.pk.hex}", by=by, at=at)
        return ", ".join(mail.to)
    if run.act == REQUEST.key:
        return request_in(run, invoice, by=by, at=at)
    void_invoice(invoice, reason=str(run.params.get("reason", "")), by=by, at=at)
    return ""


def request_in(run: InvoiceRun, invoice: Invoice, *, by: Actor, at: datetime) -> str:
    """The payment request over the run's invoices of its customer, currency and issuer, made with the first of them.
    Returns who was asked for how much. Conflict for an invoice that is not on it.
    """
    customer = lock_customer_of(invoice)
    if customer.deleted_at or customer.deleting_at:
        raise Conflict("Its customer was deleted.", code="customer_deleted")
    entity = invoice.billing_entity
    group = f"{customer.pk.hex}:{invoice.currency}:{entity.pk.hex}"
    asked = PaymentRequest.objects.of(run.organization).filter(key__startswith=f"run:{run.pk.hex}:{group}")
    found = asked.filter(parts__invoice=invoice).first()
    if found is not None:
        return f"{found} asked of {address_of(customer)}"
    overdue = overdue_of(customer, day_in(run.organization, at)).filter(currency=invoice.currency)
    waiting = run.rows.filter(outcome=RunOutcome.WAITING).values("invoice")
    rows = overdue.filter(billing_entity=entity, pk__in=waiting)
    if not rows.filter(pk=invoice.pk).exists():
        raise Conflict("It is not overdue any more, or in dispute.", code="not_overdue")
    if not run.params.get("again"):
        rows = rows.exclude(Exists(open_requests()))
        if not rows.filter(pk=invoice.pk).exists():
            return ASKED_MEANWHILE
    others = rows.exclude(pk=invoice.pk).exclude(requested__request__in=asked).values_list("pk", flat=True)
    found = request_payment(
        customer,
        currency=invoice.currency,
        entity=entity,
        chosen=[invoice.pk, *others[: MOST_INVOICES - 1]],
        to=[address_of(customer)],
        key=f"run:{run.pk.hex}:{group}:{asked.count()}",
        by=by,
        at=at,
    )
    return f"{found} asked of {address_of(customer)}"


@transaction.atomic
def refuse(key: UUID, reason: str) -> None:
    """The row failed, and why."""
    row = InvoiceRunRow.objects.locked().get(pk=key)
    if row.outcome == RunOutcome.WAITING:
        row.outcome, row.note = RunOutcome.FAILED, reason[:500]
        row.save(update_fields=["outcome", "note", "updated_at"])


def end(run: InvoiceRun, **fields: Any) -> None:
    """The run has ended."""
    moment = timezone.now()
    InvoiceRun.objects.filter(pk=run.pk).update(finished_at=moment, updated_at=moment, **fields)
