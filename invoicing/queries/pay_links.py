"""The address at which an invoice is paid without signing in. It is signed and does not end, so that it can stand in
an e-mail; its page says how the invoice stands when it is opened.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from invoicing.models import Invoice
from invoicing.queries.paying import payable_online

SIGNER = signing.Signer(salt="invoicing.pay", sep="~")


def pay_secret(invoice: Invoice) -> str:
    """What stands for an invoice in an address; nobody else can make one up."""
    return SIGNER.sign(invoice.pk.hex)


def pay_link(invoice: Invoice) -> str:
    """Where an invoice can be paid online; empty when no account takes what is due of it now."""
    if not payable_online(invoice.customer, [invoice]):
        return ""
    return settings.BASE_URL + reverse("pay-invoice", args=[pay_secret(invoice)])


def invoice_of_secret(secret: str) -> Invoice | None:
    """The issued invoice that an address is about; none once its customer's data was erased."""
    try:
        key = UUID(SIGNER.unsign(secret))
    except (signing.BadSignature, ValueError):
        return None
    rows = Invoice.objects.exclude(number="").filter(customer__erased_at=None)
    return rows.select_related("billing_entity", "customer", "organization").filter(pk=key).first()
