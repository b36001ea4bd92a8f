"""Unpaid invoices called to mind by e-mail, before and after their due date; each reminder once.

Which are due is found in the database each time, so a lost or doubled run sends nothing twice: the e-mail's key names
invoice and reminder. Looked at again when it is sent: paid, voided and disputed invoices are not called to mind.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from billing.models import BillingEntity
from billing.orm.actor import Actor
from invoicing.actions.mail import mails_customers, queue_mail
from invoicing.actions.publish import ask_for_pdf
from invoicing.models import DunningCase, Invoice, Mail, MailKind
from invoicing.queries.mail_facts import address_of, document_files, reminder_facts
from invoicing.queries.mail_wordings import written
from invoicing.queries.pay_links import pay_link
from invoicing.queries.reminders import invoices_to_remind, key_of

logger = logging.getLogger(__name__)


def run(at: datetime) -> int:
    """All reminders that are due now; how many were written. What fails is logged and tried with the next run."""
    count = 0
    for entity in BillingEntity.objects.kept().exclude(reminder_days=[]).select_related("organization"):
        if not mails_customers(entity):
            continue
        for invoice, days in invoices_to_remind(entity, at):
            try:
                count += remind(invoice, days, by=Actor.system(), at=at) is not None
            except Exception:  # one invoice of the round; the others go on
                logger.exception("Reminder: invoice %s failed.", invoice.pk)
    return count


def chased(invoice: Invoice) -> bool:
    """Whether a dunning campaign is after its customer for this currency: it reminds by its own days."""
    running = DunningCase.objects.running()
    return running.filter(customer_id=invoice.customer_id, currency=invoice.currency).exists()


@transaction.atomic
def remind(invoice: Invoice, days: int, *, by: Actor, at: datetime) -> Mail | None:
    """The e-mail `days` after the due date (below zero: before it), once. None when there is nothing to remind of, or
    nobody.
    """
    rows = Invoice.objects.select_related("billing_entity__organization", "customer")
    row: Invoice = rows.select_for_update(of=("self",)).get(pk=invoice.pk)
    address = address_of(row.customer)
    if not row.due_minor or row.in_dispute or not address or (days > 0 and chased(row)):
        return None
    ask_for_pdf(row)  # an old invoice may have none yet
    files = document_files(row)
    facts = reminder_facts(row, row.locale, days=days, link=pay_link(row), files=files)
    return queue_mail(
        MailKind.REMINDER.value,
        subject=row,
        customer=row.customer,
        billing_entity=row.billing_entity,
        to=[address],
        text=written(MailKind.REMINDER.value, row.locale, facts, row.billing_entity),
        attachments=files,
        key=key_of(row, days),
        by=by,
        at=at,
    )
