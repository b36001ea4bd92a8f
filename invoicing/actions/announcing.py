"""What becomes of invoices, for other systems: told with the invoice as the API answers it at that moment."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from billing.actions.webhooks import emit, emit_if_heard
from billing.models import EmittedEvent
from invoicing.models import Invoice
from invoicing.queries.payloads import invoice_payload, with_parts
from invoicing.queries.shapes import InvoiceOut

logger = logging.getLogger(__name__)

OVERDUE = "invoice.overdue"
AT_ONCE = 500  # overdue ones in a round; the others wait for the next


def announce(invoice: Invoice, *names: str, at: datetime) -> None:
    """Tell of an invoice whose row, lines and taxes are written. The payload is made only when somebody listens: a
    bill run announces hundreds a second.
    """
    emit_if_heard(invoice.organization, names, invoice, partial(as_it_is, invoice), at=at)


def as_it_is(invoice: Invoice) -> InvoiceOut:
    """The invoice as it stands in the database."""
    return invoice_payload(with_parts(Invoice.objects.filter(pk=invoice.pk)).get())


def tell_of_overdue(where: Q, at: datetime) -> int:
    """Each invoice that was not paid by its due day is told of once; that it was told is the event itself. One that
    somebody holds waits for the next round.
    """
    told = EmittedEvent.objects.filter(subject_id=OuterRef("pk"), name=OVERDUE)
    late = Invoice.objects.filter(where).overdue(timezone.localtime(at).date()).filter(~Exists(told))
    count = 0
    for key in list(late.order_by("due_on", "pk").values_list("pk", flat=True)[:AT_ONCE]):
        try:
            with transaction.atomic():
                held = late.filter(pk=key).select_for_update(of=("self",), no_key=True, skip_locked=True)
                row = held.select_related("organization").first()
                if row is not None:
                    emit(row.organization, OVERDUE, row, as_it_is(row), at=at)
                    count += 1
        except Exception:  # one invoice of the round; the others go on
            logger.exception("Overdue: invoice %s failed.", key)
    return count
