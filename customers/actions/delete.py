"""Deleting a customer: the whole cascade on one page.

Order: unpaid invoices are voided (or kept), running subscriptions end with their closing bill, pending ones
are called off, drafts become final, coupons end, wallets end and their rest is voided, portal links are revoked,
the customer is marked deleted, its providers are told. Every step is idempotent and commits on its own; a step
that is done is written down before the next one starts, so a job whose worker was killed goes on where it was.
Documents stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from billing.actions import audit, later
from billing.actions.coupons import remove_applied_coupon
from billing.actions.locks import lock_customer
from billing.actions.subscriptions import cancel_pending
from billing.actions.wallet_opening import end_untouched
from billing.models import AppliedCoupon, Job, Subscription, Wallet
from billing.orm.actor import Actor
from billing.rules.errors import BillingError, Conflict, Invalid
from billing.rules.states import LIVE, JobState, SubscriptionStatus
from customers.actions.customers import told
from customers.models import Customer, PortalLink
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.provider_sync import mirror_deletion
from invoicing.actions.termination import terminate_subscription
from invoicing.actions.void import void_invoice
from invoicing.actions.wallet_settling import end_wallet
from invoicing.models import Invoice
from invoicing.queries.rates import Rates
from invoicing.rules.states import CUSTOMER_DELETED

TASK = "customers.delete"
KEEP, VOID = "keep", "void"


@dataclass(frozen=True)
class Cascade:
    """What a step works with."""

    customer: Customer
    unpaid_invoices: str
    by: Actor
    at: datetime
    rates: Rates | None = None  # prices and taxes for all steps; None: each reads them when it begins


@transaction.atomic
def request_deletion(
    customer: Customer,
    *,
    unpaid_invoices: str = VOID,
    confirmation: str | None = None,
    money_involved: bool = False,
    by: Actor,
    at: datetime,
) -> Job:
    """Mark the customer as being deleted and queue the cascade. Asking twice returns the same job; one that has
    failed runs again and goes on where it was, as it was first asked for.

    `confirmation` must be the external ID when money is involved; None skips the check (API).
    """
    customer = lock_customer(customer.pk)
    if customer.deleted_at:
        raise Conflict("This customer is deleted already.", code="customer_deleted")
    if unpaid_invoices not in {KEEP, VOID}:
        raise Invalid("Choose void or keep.", field="unpaid_invoices")
    if confirmation is not None and money_involved and confirmation.strip() != customer.external_id:
        raise Invalid(f"Type {customer.external_id} to confirm.", field="confirmation")
    if customer.deleting_at is not None and (job := job_of(customer)) is not None:
        return later.run_again(job) if job.state == JobState.FAILED.value else job
    customer.deleting_at = at
    customer.save(update_fields=["deleting_at", "updated_at"])
    audit.record(
        customer.organization, "customer.deletion_requested", customer, by=by, at=at, customer=customer
    )
    return later.enqueue(
        customer.organization,
        TASK,
        key=f"delete:{customer.pk}",
        label=f"Delete {customer.display_name}",
        subject_id=customer.pk,
        args=[unpaid_invoices, by.kind, by.label, str(by.user_id or ""), at.isoformat()],
        steps=[{"name": name, "label": label, "state": "waiting", "note": ""} for name, label, _ in STEPS],
    )


def job_of(customer: Customer) -> Job | None:
    """The job that deletes the customer, in whatever state. A second one would start at the first step again
    and void the closing invoices that the first one has made.
    """
    return Job.objects.filter(subject_id=customer.pk, task=TASK).order_by("-created_at").first()


def carry_out(job: Job) -> None:
    """The cascade of a job, step by step, its progress on the job's row."""
    unpaid, kind, label, user, moment = job.args
    by = Actor(kind, label, user_id=UUID(user) if user else None)
    customer = Customer.objects.select_related("organization", "billing_entity").get(pk=job.subject_id)
    cascade = Cascade(customer, unpaid, by, datetime.fromisoformat(moment))
    steps: list[dict[str, Any]] = job.steps
    for step, (_, _, work) in zip(steps, STEPS, strict=True):
        if step["state"] == "done":
            continue  # a later step has made new invoices: voiding what is unpaid again would void them
        step["state"] = "running"
        later.report_steps(job, steps)
        step["note"] = work(cascade) or "Nothing to do"
        step["state"] = "done"
        later.report_steps(job, steps)


def settle_unpaid(cascade: Cascade) -> str:
    """Void what was issued and not paid at all; partly paid invoices stay, since money came in for them, and so do
    those that collect what is owed on a wallet, since it would only be billed again.
    """
    if cascade.unpaid_invoices == KEEP:
        return "Kept collectable"
    unpaid = Invoice.objects.filter(customer=cascade.customer).unpaid().filter(paid_minor=0)
    rows = list(unpaid.exclude(wallet__isnull=False, wallet_credits=None).order_by("pk"))
    kept = []
    for invoice in rows:
        try:
            void_invoice(invoice, reason=CUSTOMER_DELETED, by=cascade.by, at=cascade.at)
        except BillingError as error:  # a credit note of it was used, say: it stays, and staff read why
            kept.append(f"{invoice.number} stays: {error}")
    return ". ".join([counted(len(rows) - len(kept), "invoice voided", "invoices voided"), *kept]).strip(". ")


def end_subscriptions(cascade: Cascade) -> str:
    """Terminate what runs, with its closing bill or credit note; call off what has not started."""
    rows = Subscription.objects.filter(customer=cascade.customer).order_by("pk")
    live = [status.value for status in LIVE]
    # What was paid in advance first: its credit note can then pay the closing bills of the others.
    ended = list(rows.filter(status__in=live).order_by("-plan__pay_in_advance", "pk"))
    rates = cascade.rates or Rates(cascade.customer.organization_id)
    for subscription in ended:
        terminate_subscription(subscription, by=cascade.by, at=cascade.at, rates=rates)
    pending = list(rows.filter(status=SubscriptionStatus.PENDING.value))
    for subscription in pending:
        cancel_pending(subscription, by=cascade.by, at=cascade.at)
    parts = [counted(len(ended), "ended", "ended"), counted(len(pending), "called off", "called off")]
    return ", ".join(part for part in parts if part)


def finalize_drafts(cascade: Cascade) -> str:
    """Every draft becomes a final invoice and is kept."""
    rows = list(Invoice.objects.filter(customer=cascade.customer).draft().order_by("pk"))
    rates = cascade.rates or Rates(cascade.customer.organization_id)
    for invoice in rows:
        finalize_invoice(invoice, by=cascade.by, at=cascade.at, rates=rates)
    return counted(len(rows), "draft finalized", "drafts finalized")


def end_coupons(cascade: Cascade) -> str:
    """Applied coupons end."""
    rows = list(AppliedCoupon.objects.filter(customer=cascade.customer).active().order_by("pk"))
    for applied in rows:
        remove_applied_coupon(applied, by=cascade.by, at=cascade.at)
    return counted(len(rows), "coupon ended", "coupons ended")


def end_wallets(cascade: Cascade) -> str:
    """Wallets end; their remaining credits are voided by an entry. What a postpaid customer still owes on one, after
    the closing bills, goes on an invoice that stays collectable, as those do. One that was never used ends without a
    word, and first, so that nothing can use it meanwhile.
    """
    mine = Wallet.objects.filter(customer=cascade.customer)
    with transaction.atomic():
        lock_customer(cascade.customer.pk)
        end_untouched(mine, at=cascade.at)
    rows = list(mine.active().order_by("pk"))
    owing = sum(wallet.balance_minor < 0 for wallet in rows)
    for wallet in rows:
        end_wallet(wallet, by=cascade.by, at=cascade.at, reason="Customer deleted")
    parts = [
        counted(len(rows), "wallet ended", "wallets ended"),
        "what was owed is on an invoice" if owing else "",
    ]
    return ", ".join(part for part in parts if part)


def revoke_links(cascade: Cascade) -> str:
    """Portal links stop working."""
    live = PortalLink.objects.filter(customer=cascade.customer, revoked_at=None)
    revoked = live.update(revoked_at=cascade.at, updated_at=Now())
    return counted(revoked, "link revoked", "links revoked")


@transaction.atomic
def mark_deleted(cascade: Cascade) -> str:
    """The customer is gone from lists; external ID and e-mail are free again."""
    customer = lock_customer(cascade.customer.pk)
    if customer.deleted_at is None:
        customer.deleted_at = cascade.at
        customer.save(update_fields=["deleted_at", "updated_at"])
        audit.record(
            customer.organization,
            "customer.deleted",
            customer,
            by=cascade.by,
            at=cascade.at,
            customer=customer,
        )
        told("customer.deleted", customer, at=cascade.at)
    return "Deleted"


def tell_providers(cascade: Cascade) -> str:
    """The customer is deleted at its payment providers, or they are noted to be told."""
    return mirror_deletion(cascade.customer, by=cascade.by, at=cascade.at)


def counted(number: int, one: str, many: str) -> str:
    """`1 coupon ended`, `3 coupons ended`, or nothing for none."""
    return f"{number} {one if number == 1 else many}" if number else ""


STEPS: tuple[tuple[str, str, Callable[[Cascade], str]], ...] = (
    ("unpaid", "Unpaid invoices", settle_unpaid),
    ("subscriptions", "Subscriptions", end_subscriptions),
    ("drafts", "Draft invoices", finalize_drafts),
    ("coupons", "Coupons", end_coupons),
    ("wallets", "Wallets", end_wallets),
    ("portal", "Portal links", revoke_links),
    ("customer", "Customer", mark_deleted),
    ("providers", "Payment providers", tell_providers),
)
