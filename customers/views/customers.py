"""The form that adds and edits a customer. The list: `listing.py`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.customers import add_customer, update_customer
from customers.forms.customer import CustomerForm
from customers.forms.customer_rows import identifier_rows, metadata_rows
from customers.queries.locks import lock_reasons, lock_sentence
from customers.rules.fields import AMOUNTS
from customers.views.frame import find_customer, opened_from
from customers.views.undo import undo_url

# The folded sections of the form, and the fields that open them when they are wrong.
SECTIONS = {
    "payment": {
        "preferred_provider",
        "disabled_providers",
        "net_payment_term_days",
        "grace_period_days",
        "zero_amount_invoices",
        "email_invoices",
        "usage_annex",
        "locale",
        "taxes",
    },
    "tax": {
        "einvoice_email",
        "peppol_id",
        "prefer_einvoice",
        "vat_validation_disabled",
        "vat_validation_disabled_reason",
    },
    "wallet": {"billing_model", "mode", "default_auto_top_up_enabled", *AMOUNTS},
    "tags": {"tags", "new_tags"},
}
ROWS = ("metadata", "identifiers")


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def add(request: StaffRequest) -> HttpResponse:
    """The drawer "Add a customer"; afterwards the browser stands on the new customer's page."""
    data = request.POST if request.method == "POST" else None
    form = CustomerForm(data, organization=request.organization)
    metadata, identifiers = metadata_rows(data), identifier_rows(data)
    if data is not None and all_valid(form, metadata, identifiers):
        fields = form.changes()
        fields |= {"metadata": metadata.value({}), "tax_identifiers": identifiers.changes({})}
        try:
            customer = add_customer(
                request.organization, fields, by=request.actor, at=now(request.organization)
            )
        except BillingError as error:
            add_error(form, error)
        else:
            return done(request, reverse("customer", args=[customer]), "Customer created")
    context = {
        "form": form,
        "metadata": metadata,
        "identifiers": identifiers,
        "action_url": reverse("customer-add"),
        "cancel_url": reverse("customers"),
    }
    return answer_form(request, context, status=422 if data is not None else 200)


@require_http_methods(["GET", "POST"])
@access("customers.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """The same form for an existing customer; afterwards the page that opened it shows the changes."""
    customer, at = find_customer(request, id), now(request.organization)
    reasons = lock_reasons(customer)
    data = request.POST if request.method == "POST" else None
    form = CustomerForm(
        data,
        organization=request.organization,
        customer=customer,
        lock=lock_sentence(reasons) if reasons else "",
    )
    metadata = metadata_rows(data, metadata=customer.metadata)
    identifiers = identifier_rows(data, identifiers=customer.tax_identifiers)
    page = reverse("customer", args=[customer])
    if data is not None and all_valid(form, metadata, identifiers):
        changes = form.changes()
        value = metadata.value(customer.metadata)
        if value != customer.metadata:
            changes["metadata"] = value
        if numbers := identifiers.changes(customer.tax_identifiers):
            changes["tax_identifiers"] = numbers
        try:
            saved = update_customer(customer, changes, by=request.actor, at=at)
        except BillingError as error:
            add_error(form, error)
        else:
            undo = undo_url(request, customer, saved, at)
            return done(request, opened_from(request, customer), "Changes saved", undo_url=undo)
    context = {
        "form": form,
        "metadata": metadata,
        "identifiers": identifiers,
        "customer": customer,
        "action_url": request.path,
        "cancel_url": page,
    }
    return answer_form(request, context, status=422 if data is not None else 200)


def all_valid(form: CustomerForm, *rows: Any) -> bool:
    """Checks all of them, so that the errors of all show at once. Rows that were not sent are fine."""
    checks = [form.is_valid(), *(each.is_valid() for each in rows if each.is_bound)]
    return all(checks)


def answer_form(request: StaffRequest, context: dict[str, Any], *, status: int) -> HttpResponse:
    """The form as a drawer or as a page; sections with errors are open."""
    form: CustomerForm = context["form"]
    bad = set(form.errors)
    wrong = {name: bool(context[name].is_bound and not context[name].is_valid()) for name in ROWS}
    required = any(field.field.required for field in form.own_bound)
    context["open"] = {name: bool(bad & fields) for name, fields in SECTIONS.items()}
    context["open"] |= {
        "billing": True,
        "tax": context["open"]["tax"] or wrong["identifiers"],
        "own": required or any(field.errors for field in form.own_bound),
        "metadata": wrong["metadata"],
    }
    return render_page(request, "customers/form.html", context, partials=("drawer",), status=status)
