"""What money is given back of: a payment, or what is on account of a transfer.

Both set an amount aside while a provider sends it (`refunding_minor`), and count it once it went. The caller holds
the customer and the locked row.
"""

from __future__ import annotations

from datetime import datetime

from billing.actions import audit
from billing.actions.webhooks import emit
from billing.orm.actor import Actor
from billing.rules.errors import Invalid
from billing.rules.money import from_minor
from invoicing.models import Invoice, Payment, Refund, Remittance, RemittanceReturn
from invoicing.queries.crediting import REFUNDABLE
from invoicing.queries.payloads import payment_payload

Source = Payment | Remittance


def lock_source(source: Source) -> Source:
    """The row as it is now, locked after its customer."""
    if isinstance(source, Remittance):
        return (
            Remittance.objects.select_for_update(of=("self",))
            .select_related("organization")
            .get(pk=source.pk)
        )
    rows = Payment.objects.select_for_update(of=("self",)).select_related(
        "invoice", "organization", "customer"
    )
    return rows.get(pk=source.pk)


def subject_of(source: Source) -> Invoice | Remittance:
    """Whose history tells of it."""
    return source if isinstance(source, Remittance) else source.invoice


def check_refund(source: Source, amount_minor: int | None) -> int:
    """The amount to give back, or the reason why none can be."""
    left = source.left_minor
    if isinstance(source, Payment) and source.status not in (*REFUNDABLE, "refunded"):
        raise Invalid(
            f"This payment is {source.status}: there is nothing to give back.", code="not_refundable"
        )
    if not left:
        if source.refunding_minor:
            raise Invalid("All that is left of this payment is on its way back.", code="payment_refunded")
        if isinstance(source, Remittance):
            raise Invalid("Nothing of this payment is on account.", code="nothing_left")
        raise Invalid("Everything of this payment was given back already.", code="payment_refunded")
    if amount_minor is None:
        return left
    if amount_minor <= 0:
        raise Invalid("Must be more than 0.", field="amount")
    if amount_minor > left:
        most = from_minor(left, source.currency)
        raise Invalid(
            f"At most {most:f} {source.currency} can be given back.",
            code="more_than_left" if isinstance(source, Remittance) else "more_than_paid",
            field="amount",
        )
    return amount_minor


def set_aside(source: Source, amount_minor: int) -> None:
    """So much more (or, below 0, less) is on its way back."""
    source.refunding_minor += amount_minor
    source.save(update_fields=["refunding_minor", "updated_at"])


def count_done(refund: Refund, source: Source, *, by: Actor, at: datetime) -> None:
    """The money went back: it is counted, who listens is told."""
    if isinstance(source, Remittance):
        note_return(
            source,
            refund.amount_minor,
            reason=refund.reason,
            reference=refund.reference,
            key=return_key(refund),
            by=by,
            at=at,
        )
        return
    before = audit.snapshot(source, ["refunded_minor", "status"])
    source.refunded_minor += refund.amount_minor
    set_status(source)
    source.save(update_fields=["refunded_minor", "status", "updated_at"])
    audit.record(
        source.organization,
        "payment.refunded",
        source.invoice,
        by=by,
        at=at,
        customer=source.customer,
        changes=audit.differences(before, source),
        reason=refund.reason,
    )
    emit(source.organization, "payment.refunded", source, payment_payload(source), at=at)


def count_undone(refund: Refund, source: Source) -> None:
    """It came back: the bank would not take it."""
    if isinstance(source, Remittance):
        drop_return(source, source.returns.get(key=return_key(refund)))
        return
    source.refunded_minor -= refund.amount_minor
    set_status(source)
    source.save(update_fields=["refunded_minor", "status", "updated_at"])


def set_status(payment: Payment) -> None:
    """Successful, partially refunded, or refunded: by what went back."""
    whole = payment.refunded_minor == payment.amount_minor
    payment.status = "refunded" if whole else "partially_refunded" if payment.refunded_minor else "successful"


def return_key(refund: Refund) -> str:
    """By what a refund of money on account is known among what went back of it."""
    kind = refund.account.type if refund.account else ""
    return f"{kind}:refund:{refund.pk.hex}"


def note_return(
    row: Remittance, amount_minor: int, *, reason: str, reference: str, key: str, by: Actor, at: datetime
) -> RemittanceReturn:
    """Money on account went back."""
    made = RemittanceReturn.objects.create(
        organization_id=row.organization_id,
        remittance=row,
        amount_minor=amount_minor,
        currency=row.currency,
        reason=reason.strip()[:500],
        reference=reference.strip()[:100],
        returned_at=at,
        key=key,
    )
    before = audit.snapshot(row, ["returned_minor"])
    row.returned_minor += amount_minor
    row.save(update_fields=["returned_minor", "updated_at"])
    audit.record(
        row.organization,
        "remittance.returned",
        row,
        by=by,
        at=at,
        customer=row.customer,
        changes=audit.differences(before, row),
        reason=made.reason,
    )
    return made


def drop_return(row: Remittance, done: RemittanceReturn) -> None:
    """What had gone back is on account again."""
    done.delete()
    row.returned_minor -= done.amount_minor
    row.save(update_fields=["returned_minor", "updated_at"])
