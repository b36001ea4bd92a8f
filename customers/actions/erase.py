"""Erasing the personal data of a deleted customer: for good, apart from what the law wants kept.

Order: what is still asked for is taken back; then whatever names the customer without being tied to it (the API
log, searches, files), what webhooks were told, what was written to it, the activity log, its rows in every other
table, and last the customer itself, since the other steps find things by what it is called. What becomes of each
table stands in `rules/erasing.py`. Every step is idempotent and commits on its own, so a job whose worker was killed
goes on where it was. Documents stay as they were issued.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from billing.actions import audit, later
from billing.actions.locks import lock_customer
from billing.actions.webhooks import emit
from billing.models import Job
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from billing.rules.ids import decode
from billing.rules.states import JobState
from customers.actions import erase_rows, erase_traces
from customers.actions.delete import job_of as deletion_of
from customers.models import Customer
from customers.queries.erasing import TASK, Family, erasing_job, family_of

MOST_REASON = 500


@dataclass(frozen=True)
class Erasing:
    """What a step works with."""

    family: Family
    reason: str
    by: Actor
    at: datetime


@transaction.atomic
def request_erasure(customer: Customer, *, reason: str, confirm: str, by: Actor, at: datetime) -> Job | None:
    """Have a deleted customer's personal data erased. Asking twice returns the same job; one that has failed runs
    again and goes on where it was. None: it was erased together with the customer that it had been merged into.

    `confirm` is the customer's external ID or its id. Raises Conflict for one that is not deleted yet
    (customer_not_deleted) or that was merged into another (customer_merged), Invalid without a reason or with
    another confirmation. What was typed is not said back: answers are kept in logs.
    """
    customer = lock_customer(customer.pk)
    job = erasing_job(customer)
    if customer.erased_at is not None:
        return job
    check_deleted(customer)
    if not reason.strip():
        raise Invalid("Say why: it is kept in the activity log.", code="reason_required", field="reason")
    if len(reason.strip()) > MOST_REASON:
        raise Invalid(f"A reason has at most {MOST_REASON} characters.", code="too_long", field="reason")
    if confirm.strip() != customer.external_id and decode(Customer.PREFIX, confirm) != customer.pk:
        text = "Type the customer's external ID to confirm."
        raise Invalid(text, code="confirmation_needed", field="confirm")
    if job is not None:
        return later.run_again(job) if job.state == JobState.FAILED.value else job
    audit.record(
        customer.organization,
        "customer.erasure_requested",
        customer,
        by=by,
        at=at,
        customer=customer,
        reason=reason.strip(),
    )
    return later.enqueue(
        customer.organization,
        TASK,
        key=f"erase:{customer.pk}",
        label=f"Erase personal data of {customer.public_id}",
        subject_id=customer.pk,
        args=[reason.strip(), by.kind, by.label, str(by.user_id or ""), at.isoformat()],
        steps=[{"name": name, "label": label, "state": "waiting", "note": ""} for name, label, _ in STEPS],
    )


def check_deleted(customer: Customer) -> None:
    """Erasing comes after deleting, when nothing more is billed or sent."""
    if customer.merged_into is not None:
        raise Conflict(
            f"This customer was merged into {customer.merged_into.public_id}: erase that one, and this one is erased "
            "with it.",
            code="customer_merged",
        )
    deletion = deletion_of(customer)
    if customer.deleted_at is None:
        raise Conflict(
            "Delete the customer first. Personal data is erased once nothing more is billed.",
            code="customer_not_deleted",
        )
    if deletion is not None and deletion.state != JobState.SUCCEEDED.value:
        raise Conflict(
            "The deletion has not come to its end yet. Erase the data when all of its steps are done.",
            code="customer_not_deleted",
        )


def carry_out(job: Job) -> None:
    """The steps of a job, its progress on the job's row."""
    reason, kind, label, user, moment = job.args
    by = Actor(kind, label, user_id=UUID(user) if user else None)
    customer = Customer.objects.select_related("organization", "billing_entity").get(pk=job.subject_id)
    erasing = Erasing(family_of(customer), reason, by, datetime.fromisoformat(moment))
    steps: list[dict[str, Any]] = job.steps
    for step, (_, _, work) in zip(steps, STEPS, strict=True):
        if step["state"] == "done":
            continue
        step["state"] = "running"
        later.report_steps(job, steps)
        step["note"] = work(erasing)
        step["state"] = "done"
        later.report_steps(job, steps)


def end_requests(erasing: Erasing) -> str:
    """What the customer is still asked to pay at once."""
    return erase_rows.end_requests(erasing.family, by=erasing.by, at=erasing.at)


def empty_logs(erasing: Erasing) -> str:
    """What names the customer without being tied to it."""
    return erase_traces.empty_logs(erasing.family)


def empty_events(erasing: Erasing) -> str:
    """What webhooks were told."""
    return erase_traces.empty_events(erasing.family)


def empty_mails(erasing: Erasing) -> str:
    """What was written to the customer, and where it could pay."""
    return erase_rows.empty_mails(erasing.family)


def empty_providers(erasing: Erasing) -> str:
    """What payment providers were told and keep."""
    return erase_rows.empty_providers(erasing.family, at=erasing.at)


def empty_tables(erasing: Erasing) -> str:
    """The customer's rows in every other table."""
    return erase_rows.empty_tables(erasing.family)


def empty_trail(erasing: Erasing) -> str:
    """The activity log."""
    return erase_traces.empty_trail(erasing.family)


@transaction.atomic
def mark_erased(erasing: Erasing) -> str:
    """The customer and its duplicates themselves: nothing is left by which they are known."""
    rows = sorted(erasing.family.rows, key=lambda row: row.pk)
    locked = [lock_customer(row.pk) for row in rows]
    erase_rows.forget_ids(erasing.family)
    for row, customer in zip(rows, locked, strict=True):
        if customer.erased_at is not None:
            continue
        erase_rows.empty_customer(customer, at=erasing.at)
        if row.pk != erasing.family.customer.pk:
            continue
        audit.record(
            customer.organization,
            "customer.erased",
            customer,
            by=erasing.by,
            at=erasing.at,
            customer=customer,
            reason=erasing.reason,
        )
        data = {"id": customer.public_id, "erasedAt": erasing.at}
        emit(customer.organization, "customer.erased", customer, data, at=erasing.at)
    merged = len(erasing.family.rows) - 1
    return f"Erased, with {merged} merged into it" if merged else "Erased"


STEPS: tuple[tuple[str, str, Callable[[Erasing], str]], ...] = (
    ("requests", "Payment requests", end_requests),
    ("logs", "API log, searches and files", empty_logs),
    ("events", "Events for webhooks", empty_events),
    ("mails", "E-mails", empty_mails),
    ("trail", "Activity log", empty_trail),
    ("providers", "Payment providers", empty_providers),
    ("tables", "Notes, links, subscriptions and other records", empty_tables),
    ("customer", "Name and details", mark_erased),
)
