"""A customer pays an invoice of its own online."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.orm.actor import Actor
from billing.rules.errors import BillingError
from customers.views.portal_frame import PortalRequest, frame, portal
from invoicing.actions.paying import open_checkout
from invoicing.models import Invoice

NOT_NOW = "This invoice cannot be paid online just now. Try again later, or pay it as it says."
WORDS = {
    "invoice_paid": "This invoice is paid already.",
    "being_asked": "A payment is being asked for just now. Look again in a moment.",
}


@require_POST
@portal
def portal_invoice_pay(request: PortalRequest, id: UUID) -> HttpResponse:
    """Where it is paid, as a link: the payment page is another's. Reasons that are for staff are not shown here."""
    customer = request.customer
    invoice = Invoice.objects.filter(customer=customer, status="finalized").get_or_404(pk=id)
    by = Actor("customer", f"{customer.display_name} (portal)"[:200])
    try:
        # A key of its own each time: an open link is found without it, and one that has ended must not come back.
        attempt = open_checkout(invoice, key=uuid4().hex, by=by, at=now(customer.organization))
    except BillingError as error:
        messages.error(request, WORDS.get(error.code, NOT_NOW))
        return redirect("portal-invoices")
    context = frame(request, "invoices") | {"invoice": invoice, "attempt": attempt}
    return render(request, "portal/pay.html", context)
