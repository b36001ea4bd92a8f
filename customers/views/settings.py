"""The Settings tab: what a customer takes from its billing entity, and where it differs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.clock import now
from billing.forms.lists import language_name
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.customers import update_customer
from customers.forms.settings import SettingsForm
from customers.models import Customer
from customers.queries.classification import effects_of
from customers.views.dunning import dunning_card
from customers.views.frame import customer_frame, customer_url, find_customer
from customers.views.undo import undo_url


def inherited_rows(customer: Customer) -> list[dict[str, Any]]:
    """Each setting with the value in force, the billing entity's, and whether it is the customer's own."""
    entity = customer.billing_entity

    def row(label: str, own: Any, inherited: Any, word: Any) -> dict[str, Any]:
        is_own = own not in (None, "")
        return {
            "label": label,
            "value": word(own if is_own else inherited),
            "inherited": word(inherited),
            "own": is_own,
        }

    usual = effects_of(customer, customer.customer_type).term_days
    term = customer.net_payment_term_days
    return [
        row("Document language", customer.locale, entity.locale, language_name),
        row("Payment term", term, usual if term is None else entity.net_payment_term_days, days),
        row("Grace period", customer.grace_period_days, entity.grace_period_days, days),
        row("Invoices over nothing", customer.zero_amount_invoices, entity.zero_amount_invoices, issued),
        row("Invoices by e-mail", customer.email_invoices, entity.email_invoices, mailed),
        row("Usage by day on invoices", customer.usage_annex, entity.usage_annex, printed),
    ]


def days(count: int) -> str:
    """ "1 day", "30 days"."""
    return f"{count} day{'' if count == 1 else 's'}"


def issued(flag: bool) -> str:
    """Whether invoices over nothing are made."""
    return "Issued" if flag else "Not issued"


def printed(flag: bool) -> str:
    """Whether invoices end with usage by day."""
    return "Printed" if flag else "Not printed"


def mailed(flag: bool) -> str:
    """Whether invoices go out by e-mail."""
    return "Sent" if flag else "Not sent"


@require_safe
@access("customers.view")
def customer_settings(request: StaffRequest, id: UUID) -> HttpResponse:
    """The values in force, and where each comes from."""
    customer = find_customer(request, id)
    frame = customer_frame(request, customer, "settings") | dunning_card(request, customer)
    context = {
        "rows": inherited_rows(customer),
        "taxes": list(customer.taxes.all()),
        "change_url": customer_url("customer-settings-edit", customer) if frame["edit_url"] else "",
    }
    return render_page(request, "customers/settings/tab.html", frame | context)


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer "Change settings"."""
    customer, at = find_customer(request, id), now(request.organization)
    form = SettingsForm(request.POST if request.method == "POST" else None, customer=customer)
    page = reverse("customer-settings", args=[customer])
    if request.method == "POST" and form.is_valid():
        try:
            saved = update_customer(customer, form.cleaned_data, by=request.actor, at=at)
            return done(request, page, "Settings saved.", undo_url=undo_url(request, customer, saved, at))
        except BillingError as error:
            add_error(form, error)
    context = {"form": form, "customer": customer, "action": request.path, "cancel": page}
    status = 422 if form.is_bound else 200
    return render_page(request, "customers/settings/form.html", context, partials=("drawer",), status=status)
