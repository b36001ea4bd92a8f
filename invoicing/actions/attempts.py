"""What has become of attempts to pay: asked at the provider, and the money recorded.

A message of a provider, a button and the beat all do the same: they have a worker ask the provider how the payment
stands. So messages may come twice, late or in any order, and nobody can invent one. An attempt is asked about by who
holds its lock, without a transaction around the call; who is told meanwhile to ask leaves `next_at` behind, which
the one who asks does not overwrite.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.actions import audit, clock, later
from billing.actions.locks import lock_customer_of
from billing.actions.webhooks import emit
from billing.clients.sealed import Unsealable, unseal
from billing.orm.actor import Actor
from billing.rules.errors import Conflict
from invoicing.actions import provider_calls as calls
from invoicing.actions.booking import BY, book
from invoicing.actions.paying import lock_asked, payer_of
from invoicing.actions.payment_methods import save_method
from invoicing.actions.request_ends import note_refusal
from invoicing.clients.providers.base import (
    Charge,
    ChargingProvider,
    ProviderError,
    Refused,
    Seen,
    Unavailable,
)
from invoicing.clients.providers.registry import charging_for
from invoicing.models import Invoice, PaymentAttempt, PaymentProvider
from invoicing.queries.paying import attempt_payload, purpose_of
from invoicing.rules.paying import RETRIED, AttemptState, ask_after, next_state
from invoicing.rules.states import payment_status

logger = logging.getLogger(__name__)

ASK = "invoicing.ask_attempt"
MOST_AT_ONCE = 200
RUN_SECONDS = 40
OFF = timedelta(minutes=5)
LONG_ENOUGH = timedelta(minutes=5)  # for a charge to be found at its provider
FAILED_CHARGE = "invoicing.tell_of_failed_charge"
RUNNING = UUID("6f3f5c1e-7a52-4c0e-8f5b-706179696e67")


def run(at: datetime, *, seconds: float = RUN_SECONDS) -> int:
    """Ask about what is due. Returns how many were asked about; an account that is not available rests, and an
    attempt that cannot be settled is put off, so that it does not keep the others from it.
    """
    end = time.monotonic() + seconds
    count = 0
    with later.advisory_lock(RUNNING) as alone:
        if not alone:
            return 0
        rows = PaymentAttempt.objects.filter(next_at__lte=at).order_by("next_at", "pk")
        resting: set[UUID] = set()
        for key, account in list(rows.values_list("pk", "provider_id")[:MOST_AT_ONCE]):
            if time.monotonic() > end:
                break
            if account in resting:
                continue
            count += 1
            try:
                answered = ask_about(key)
            except Exception:  # one attempt of many: the others are still asked about
                logger.exception("The attempt %s could not be settled.", key)
                PaymentAttempt.objects.filter(pk=key).update(next_at=timezone.now() + OFF)
            else:
                if not answered:
                    resting.add(account)
    return count


def ask_about(key: UUID) -> bool:
    """Ask the provider how an attempt stands and write it down. False when it could not say."""
    with later.advisory_lock(key) as held:
        if not held:
            return True
        rows = PaymentAttempt.objects.select_related(
            "provider", "invoice", "request", "organization", "method"
        )
        attempt = rows.filter(pk=key).first()
        if attempt is None or attempt.state == "successful" or attempt.provider.deleted_at:
            return True
        try:
            seen = look(attempt)
        except ProviderError as error:
            wait_longer(attempt, error.message)
            return False
        settle(attempt, seen, at=clock.now(attempt.organization))
    return True


def look(attempt: PaymentAttempt) -> Seen:
    """How it stands at the provider. A charge that it has nothing of some minutes later never reached it,
    unless it was there before.
    """
    if attempt.method is None:
        client = payer_of(attempt.provider, timeout=calls.IN_WORKER)
        return client.fetch(attempt.reference, attempt.external_id, attempt.currency)
    seen = charger_of(attempt.provider).fetch_charge(charge_of(attempt))
    if seen is not None:
        return seen
    if attempt.money_id or timezone.now() - attempt.created_at < LONG_ENOUGH:
        raise Unavailable("The provider does not list this charge now.")
    return Seen("failed", reason="The charge never reached the provider.")


@transaction.atomic
def wait_longer(attempt: PaymentAttempt, reason: str) -> None:
    """No answer: later again, until a person must look; also about one that had failed, since something was told."""
    row = PaymentAttempt.objects.select_for_update(of=("self",)).get(pk=attempt.pk)
    row.asked_at, row.asked = timezone.now(), row.asked + 1
    row.reason = reason[:500]
    if row.next_at == attempt.next_at:
        wait = ask_after(row.asked_at - row.created_at, patient=True)
        row.next_at = row.asked_at + wait if wait else None
    row.save(update_fields=["asked_at", "asked", "next_at", "reason", "updated_at"])


@transaction.atomic
def settle(attempt: PaymentAttempt, seen: Seen, *, at: datetime) -> PaymentAttempt:
    """Write down how the payment stands, and record the money once. Locks: customer, invoices, attempt."""
    customer = lock_customer_of(attempt)
    invoices = lock_asked(attempt.subject)
    row = PaymentAttempt.objects.select_for_update(of=("self",)).select_related("provider").get(pk=attempt.pk)
    if row.state == "successful":
        return row
    if seen.amount_minor is None:
        seen = replace(seen, amount_minor=row.amount_minor)
    before = audit.snapshot(row, ["state"])
    row.asked_at, row.asked = timezone.now(), row.asked + 1
    row.state = next_state(row.state, seen.state).value
    row.money_id = seen.payment_id or row.money_id
    if row.state != "failed" or seen.reason:
        row.reason = seen.reason[:500]
    on_its_way = row.state == AttemptState.PROCESSING
    wait = ask_after(row.asked_at - row.created_at, patient=on_its_way)
    if row.open and wait is None and not on_its_way:
        row.state = "failed"
        row.reason = row.reason or "Nobody has paid in time."
    if row.next_at == attempt.next_at:
        payable = row.open or (row.url and row.provider.type in RETRIED)
        row.next_at = row.asked_at + wait if payable and wait else None
    if row.state == "successful":
        row.next_at = None
        row.received_minor = seen.amount_minor or 0
        row.reason = ""
        book(row, customer, invoices, seen, at=at)
        if seen.saved is not None and customer.collect_automatically:
            save_method(customer, row.provider, seen.saved, at=at)
    elif seen.declined:
        note_declined(invoices)
    row.save()
    if row.state == "failed" and before["state"] != "failed":
        audit.record(
            row.organization,
            "payment.failed",
            row.subject,
            by=BY,
            at=at,
            customer=customer,
            changes={"provider": (None, row.provider.name), "amount_minor": (None, row.amount_minor)},
            reason=row.reason,
        )
        emit(row.organization, "payment.failed", row, attempt_payload(row), at=at)
        if seen.declined or row.method_id:  # a link that nobody used was no refusal
            note_refusal(invoices, row.reason, by=BY, at=at)
        if row.method_id:
            note_declined(invoices)
            later.enqueue(
                row.organization,
                FAILED_CHARGE,
                key=f"failed-charge:{row.pk}",
                label=f"Payment link for {invoices[0].number}",
                subject_id=row.pk,
            )
    return row


def charger_of(account: PaymentProvider) -> ChargingProvider:
    """The client that charges what an account has saved. Raises Refused when it cannot be used."""
    try:
        return charging_for(account.type, unseal(account.credentials), timeout=calls.IN_WORKER)
    except Unsealable as error:
        raise Refused(f"{error} Enter them again.") from error


def charge_of(attempt: PaymentAttempt) -> Charge:
    """What a saved method is charged."""
    method = attempt.method
    if method is None:
        raise Refused("There is no saved method.")
    return Charge(
        attempt.reference,
        method.external_id,
        method.holder,
        attempt.amount_minor,
        attempt.currency,
        purpose_of(attempt),
    )


def note_declined(invoices: Sequence[Invoice]) -> None:
    """The last try to pay was refused: the invoices say so until money comes."""
    for invoice in invoices:
        status = payment_status(invoice.total_minor, invoice.paid_minor, failed=True).value
        if invoice.status == "finalized" and invoice.payment_status != status:
            invoice.payment_status = status
            invoice.save(update_fields=["payment_status", "updated_at"])


@transaction.atomic
def ask_soon(attempt: PaymentAttempt) -> None:
    """Have a worker ask now; the beat finds it when the message is lost."""
    rows = PaymentAttempt.objects.filter(pk=attempt.pk).exclude(state="successful")
    if rows.update(next_at=timezone.now(), updated_at=timezone.now()):
        later.after_commit(ASK, str(attempt.pk))


def ask_now(attempt: PaymentAttempt) -> PaymentAttempt:
    """Ask while a person waits. Raises Conflict when it is settled."""
    if attempt.state == "successful":
        raise Conflict("This payment has come already.", code="attempt_settled")
    ask_about(attempt.pk)
    attempt.refresh_from_db()
    return attempt


@transaction.atomic
def problem_solved(attempt: PaymentAttempt, *, by: Actor, at: datetime) -> PaymentAttempt:
    """Somebody has seen to the money that could not be recorded."""
    customer = lock_customer_of(attempt)
    rows = PaymentAttempt.objects.select_for_update(of=("self",)).select_related("invoice", "request")
    row = rows.get(pk=attempt.pk)
    if not row.problem:
        raise Conflict("There is nothing to see to any more.", code="no_problem")
    audit.record(
        row.organization,
        "payment.seen_to",
        row.subject,
        by=by,
        at=at,
        customer=customer,
        reason=row.problem,
    )
    row.problem = ""
    row.save(update_fields=["problem", "updated_at"])
    return row
