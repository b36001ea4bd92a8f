"""The saved payment methods of a customer: the card on its page, asking for one, choosing, removing, and whether
invoices are charged without asking.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm
from billing.web.requests import StaffRequest
from customers.actions.customers import update_customer
from customers.models import Customer
from customers.views.frame import find_customer
from invoicing.actions.payment_methods import make_default, open_setup, remove_method
from invoicing.models import PaymentMethod
from invoicing.queries.payment_methods import saved_methods, setup_account


def methods_card(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    """The context of `customers/payment_methods/card.html`."""
    return {
        "methods": saved_methods(customer),
        "may_collect": may(request.member, "invoices.pay") and not customer.deleting_at,
    }


def find_method(request: StaffRequest, key: UUID) -> PaymentMethod:
    """A saved method of the organization, else 404."""
    rows = PaymentMethod.objects.of(request.organization).select_related("customer", "provider")
    return cast(PaymentMethod, rows.get_or_404(pk=key))


def page_of(customer: Any) -> str:
    """Where the card stands."""
    return reverse("customer-information", args=[customer]) + "#payment-methods"


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def ask(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog says where the customer leaves a card; afterwards it holds the link."""
    customer = find_customer(request, id)
    form = OnceForm(request.POST if request.method == "POST" else None)
    setup = None
    if request.method == "POST" and form.is_valid():
        try:
            setup = open_setup(
                customer, key=f"form:{form.token}", by=request.actor, at=now(request.organization)
            )
        except BillingError as error:
            add_error(form, error)
    context = {"customer": customer, "form": form, "setup": setup, "account": setup_account(customer)}
    status = 422 if form.errors else 200
    return render_page(
        request, "customers/payment_methods/ask.html", context, partials=("dialog",), status=status
    )


@access("invoices.pay")
@require_POST
def choose(request: StaffRequest, id: UUID) -> HttpResponse:
    """Charged first from now on."""
    row = make_default(find_method(request, id), by=request.actor, at=now(request.organization))
    return done(request, page_of(row.customer), f"{row} is charged first.")


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def remove(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog says what is charged instead."""
    row = find_method(request, id)
    if request.method == "POST":
        remove_method(row, by=request.actor, at=now(request.organization))
        return done(request, page_of(row.customer), f"{row} was removed.")
    others = [method for method in saved_methods(row.customer) if method.pk != row.pk]
    context = {"method": row, "customer": row.customer, "heir": others[0] if others else None}
    return render_page(request, "customers/payment_methods/remove.html", context, partials=("dialog",))


@access("invoices.pay")
@require_POST
def collect(request: StaffRequest, id: UUID) -> HttpResponse:
    """Charge issued invoices without asking, or stop."""
    customer = find_customer(request, id)
    wanted = request.POST.get("collect") == "on"
    update_customer(
        customer, {"collect_automatically": wanted}, by=request.actor, at=now(request.organization)
    )
    text = "Issued invoices are charged from now on." if wanted else "Invoices are not charged any more."
    return done(request, page_of(customer), text)
