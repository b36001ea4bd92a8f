"""The one word that an invoice is shown with, made of its status, its payments and its due date; and what can
be done with it.

Law: a draft and a voided invoice are called so; a finalized one is `written_off` when its rest was given up, `paid`
when nothing is due, else `disputed` while its customer contests it, else `overdue` after its due day,
else `partially_paid` when something was received, else `payment_failed` when the last try to pay was refused, else
`finalized`.

Example: finalized, 5 of 10 received, due yesterday: overdue.
"""

from datetime import date

from invoicing.rules.states import InvoiceStatus, InvoiceType, PaymentStatus


def shown_status(
    status: str,
    payment_status: str,
    due_on: date | None,
    today: date,
    *,
    written_off: bool = False,
    disputed: bool = False,
) -> str:
    """The word for an invoice on `today`; the due day itself is not overdue."""
    if status != InvoiceStatus.FINALIZED:
        return status
    if written_off:
        return "written_off"
    if payment_status == PaymentStatus.PAID:
        return PaymentStatus.PAID.value
    if disputed:
        return "disputed"
    if due_on is not None and due_on < today:
        return "overdue"
    if payment_status == PaymentStatus.PARTIALLY_PAID:
        return payment_status
    if payment_status == PaymentStatus.FAILED:
        return "payment_failed"
    return InvoiceStatus.FINALIZED.value


def possible_acts(
    status: str, type: str, due_minor: int, *, written_off: bool = False, disputed: bool = False
) -> frozenset[str]:
    """Of refresh, finalize, delete (drafts), pay, write_off, undo_write_off, credit, dispute, end_dispute, void
    (finalized), regenerate (voided): what makes sense now, whoever asks.
    """
    if status == InvoiceStatus.DRAFT:
        by_type = {InvoiceType.SUBSCRIPTION.value: "refresh", InvoiceType.ONE_OFF.value: "delete"}
        return frozenset({"finalize", by_type.get(type, "finalize")})
    if status == InvoiceStatus.FINALIZED:
        acts = {"void", "pay", "write_off", "dispute"} if due_minor > 0 else {"void"}
        if disputed:
            acts = acts - {"dispute"} | {"end_dispute"}
        if written_off:
            acts = {"undo_write_off"}
        return frozenset(acts | {"credit"} if creditable_now(status) else acts)
    if status == InvoiceStatus.VOIDED and type != InvoiceType.PROGRESSIVE_BILLING:
        return frozenset({"regenerate"})
    return frozenset()


def creditable_now(status: str) -> bool:
    """Whether a credit note can be made of such an invoice."""
    return status == InvoiceStatus.FINALIZED
