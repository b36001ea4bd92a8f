"""The one word that an invoice is shown with, made of its status, its payments and its due date.

Law: a draft and a voided invoice are called so; a finalized one is `paid`, else `overdue` after its due day,
else `partially_paid` when something was received, else `finalized`.

Example: finalized, 5 of 10 received, due yesterday: overdue.
"""

from datetime import date

from invoicing.rules.states import InvoiceStatus, PaymentStatus


def shown_status(status: str, payment_status: str, due_on: date | None, today: date) -> str:
    """The word for an invoice on `today`; the due day itself is not overdue."""
    if status != InvoiceStatus.FINALIZED:
        return status
    if payment_status == PaymentStatus.PAID:
        return PaymentStatus.PAID.value
    if due_on is not None and due_on < today:
        return "overdue"
    if payment_status in (PaymentStatus.PARTIALLY_PAID, PaymentStatus.FAILED):
        return payment_status
    return InvoiceStatus.FINALIZED.value
