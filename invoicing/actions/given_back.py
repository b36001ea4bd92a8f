"""What a provider says of money that went back, written down: how ours went, and what somebody gave back there.

Locks: customer, attempt, payment or remittance, refund.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from billing.actions import audit
from billing.actions.locks import lock_customer_of
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.money import from_minor
from invoicing.actions.refund_sources import (
    Source,
    count_done,
    count_undone,
    drop_return,
    lock_source,
    set_aside,
    subject_of,
)
from invoicing.actions.remittances import give_back_rest, locked
from invoicing.clients.providers.base import GivenBack
from invoicing.models import Payment, PaymentAttempt, Refund, Remittance
from invoicing.queries.payloads import refund_payload
from invoicing.queries.refunds import paid_by
from invoicing.rules.paying import ask_after

OURS = "tarn-"
BY = Actor.system("Payment provider")


@transaction.atomic
def take(
    attempt: PaymentAttempt, found: list[GivenBack], *, refund: Refund | None = None, at: datetime
) -> None:
    """Write down what the provider has of a payment's refunds: ours by reference or id, and those that somebody began
    there. `refund`: the one that the only answer is about.
    """
    lock_customer_of(attempt)
    row = PaymentAttempt.objects.select_for_update(of=("self",)).select_related("provider").get(pk=attempt.pk)
    for told in found:
        known = [refund] if refund is not None else ours(row, told)
        for item in known:
            move(item, lock_source(item.source), told, at=at)
        if told.state == "failed":
            undo_return(row, told, at=at)
        elif not known:
            take_foreign(row, told, at=at)


def ours(attempt: PaymentAttempt, told: GivenBack) -> list[Refund]:
    """The refunds that the provider speaks of: by its id (one for each payment that it took something of), by our
    reference (of an earlier try too, unless that has failed), or one of that amount that somebody has noted by hand:
    not by a failure, since money that was sent otherwise stays sent.
    """
    mine = Q(payment__in=Payment.objects.filter(paid_by(attempt)))
    if attempt.remittance_id:
        mine |= Q(remittance=attempt.remittance_id)
    rows = Refund.objects.filter(mine).select_related("payment", "remittance", "account").order_by("pk")
    found = list(rows.filter(account=attempt.provider, external_id=told.external_id))
    if found:
        return found
    if told.reference.startswith(OURS):
        for row in rows.filter(account=attempt.provider, external_id=""):
            earlier = told.state != "failed" and told.reference.startswith(f"{OURS}{row.pk.hex}")
            if earlier or told.reference == row.known_as:
                return [row]
        return []
    if told.state == "failed":
        return []
    by_hand = rows.filter(account=None, amount_minor=told.amount_minor, status="successful")
    noted = by_hand.order_by("created_at").first()
    if noted is None:
        return []
    noted.account = attempt.provider
    return [noted]


def move(refund: Refund, source: Source, told: GivenBack, *, at: datetime) -> None:
    """One refund goes on to what the provider says; the sums of its source follow. What went back may still be sent
    back by the bank, and then it has failed.
    """
    row = Refund.objects.select_for_update(of=("self",)).get(pk=refund.pk)
    row.account = row.account or refund.account
    row.external_id = told.external_id[:255] or row.external_id
    before = row.status
    row.status = before if (before, told.state) == ("successful", "pending") else told.state
    if before == "failed" and row.status != before and source.left_minor < row.amount_minor:
        row.status = before
        told = replace(told, reason="It went back after all, and so did other money of this payment.")
    row.failure = ""
    if row.status == "failed":
        row.failure = (told.reason or "The provider gives no reason.")[:500]
    row.next_at = next_look(row)
    set_aside(source, row.amount_minor * ((row.status == "pending") - (before == "pending")))
    if row.status == "successful" and before != "successful":
        row.refunded_at = at
        row.reference = row.reference or told.external_id[:100]
    row.save()
    if row.status == "successful" and before != "successful":
        count_done(row, source, by=BY, at=at)
        return
    if before == "successful" and row.status == "failed":
        count_undone(row, source)
    if row.status == "failed" and before != "failed":
        tell_failed(row, source, at=at)


def next_look(row: Refund) -> datetime | None:
    """When a refund that is on its way is asked about next."""
    if row.status != "pending":
        return None
    now = timezone.now()
    pause = ask_after(now - (row.created_at or now), patient=True)
    return now + pause if pause else None


def tell_failed(row: Refund, source: Source, *, at: datetime) -> None:
    """The amount can be given back again."""
    audit.record(
        row.organization,
        "payment.refund_failed",
        subject_of(source),
        by=BY,
        at=at,
        customer=source.customer,
        changes={"amount_minor": (None, row.amount_minor)},
        reason=row.failure,
    )
    emit(row.organization, "payment.refund_failed", row, refund_payload(row), at=at)


def take_foreign(attempt: PaymentAttempt, told: GivenBack, *, at: datetime) -> None:
    """Money that somebody sent back at the provider, written down once: first what is on account of it, then what
    paid invoices, the latest part first. What is more than we know of stays as the attempt's problem.
    """
    key = foreign_key(attempt, told)
    rest = told.amount_minor
    if attempt.remittance is not None:
        if told.state == "pending":  # it is asked about again by the message that says how it went
            return
        _, remittance = locked(attempt.remittance)  # as it is now: what was told before has changed it
        rest -= returned(remittance, told, key, at=at)
    rows = Payment.objects.filter(paid_by(attempt)).select_related("invoice", "organization", "customer")
    for payment in rows.order_by("-created_at", "-pk").select_for_update(of=("self",)):
        part = min(rest, payment.left_minor)
        if not part:
            continue
        row = Refund.objects.create(
            organization_id=attempt.organization_id,
            payment=payment,
            account=attempt.provider,
            amount_minor=part,
            currency=payment.currency,
            status="pending",
            reason="Sent back at the provider",
            external_id=told.external_id[:255],
            refunded_at=at,
            key=key,
        )
        set_aside(payment, part)
        rest -= part
        move(row, payment, told, at=at)
    if rest and not attempt.problem:
        more = f"{from_minor(rest, told.currency):f} {told.currency}"
        attempt.problem = (
            f"{more} more was sent back at the provider ({told.external_id}) than is left here."[:500]
        )
        attempt.save(update_fields=["problem", "updated_at"])


def undo_return(attempt: PaymentAttempt, told: GivenBack, *, at: datetime) -> None:
    """What somebody had sent back at the provider of the money on account has come back: it is there again."""
    if attempt.remittance is None:
        return
    customer, remittance = locked(attempt.remittance)
    done = remittance.returns.filter(key=foreign_key(attempt, told)).first()
    if done is None:
        return
    drop_return(remittance, done)
    audit.record(
        remittance.organization,
        "payment.refund_failed",
        remittance,
        by=BY,
        at=at,
        customer=customer,
        changes={"amount_minor": (None, done.amount_minor)},
        reason=told.reason,
    )


def foreign_key(attempt: PaymentAttempt, told: GivenBack) -> str:
    """By what money that was sent back at the provider is known."""
    return f"{attempt.provider.type}:{told.external_id}"


def returned(remittance: Remittance, told: GivenBack, key: str, *, at: datetime) -> int:
    """How much of it was on account, written down once; what somebody noted by hand over that amount is it."""
    done = remittance.returns.filter(key=key).first()
    if done is None:
        by_hand = remittance.returns.exclude(key__startswith=key[: key.index(":") + 1])
        done = by_hand.filter(amount_minor=told.amount_minor).first()
        if done is not None:
            done.key = key
            done.save(update_fields=["key", "updated_at"])
    if done is not None:
        return int(done.amount_minor)
    part = min(told.amount_minor, remittance.left_minor)
    if part:
        give_back_rest(
            remittance,
            amount_minor=part,
            reason="Sent back at the provider",
            reference=told.external_id,
            key=key,
            by=BY,
            at=at,
        )
    return int(part)
