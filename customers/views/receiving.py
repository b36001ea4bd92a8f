"""Money of a customer for several invoices, or for more than is due: the drawer "Record a payment"."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.models import Wallet
from billing.rules.errors import BillingError
from billing.rules.money import is_currency
from billing.web.access import access
from billing.web.formats import money_text
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.views.frame import find_customer
from invoicing.actions.remittances import planned, receive
from invoicing.forms.receiving import ReceiveForm, mark, moment_of, show_split, split_rows
from invoicing.models import Remittance
from invoicing.queries.collecting import currencies_due, unpaid_of


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def record(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer, and the page: the split is computed while one types and agreed to with the button. Without
    JavaScript the first press shows it and the second records it. `?currency=` chooses among several.
    """
    customer = find_customer(request, id)
    at = now(request.organization)
    today = at.astimezone(timezone.get_current_timezone()).date()
    found = currencies_due(customer)
    currency = currency_asked(request, customer, found)
    invoices = list(unpaid_of(customer, currency))
    wallets = Wallet.objects.filter(customer=customer, currency=currency).active().in_order_of_use()
    form = ReceiveForm(
        request.POST if request.method == "POST" else None,
        currency=currency,
        invoices=invoices,
        wallets=list(wallets),
        today=today,
    )
    looking = request.htmx.target == "payment-split" or request.POST.get("act") == "look"
    whole = form.is_valid()
    amount, chosen = (form.cleaned_data["amount"], form.chosen()) if whole else (0, {})
    agreed = whole and not looking and bool(form.cleaned_data["seen"])
    if agreed and (row := recorded(request, customer, form, today)):
        return done(request, reverse("customer-payments", args=[customer]), said(row))
    context: dict[str, Any] = {
        "customer": customer,
        "currency": currency,
        "others": [code for code in found if code != currency],
        "form": form,
        "rows": split_rows(form),
        "split": None,
    }
    if (
        whole
    ):  # also when it was refused: what has changed, and the choice that is missing, stand in the split
        context |= show_split(form, lambda: planned(customer, currency, amount, chosen))
    status = 422 if form.errors and not looking else 200
    return render_page(
        request,
        "customers/payments/record.html",
        context,
        partials=("drawer", "payment-split"),
        status=status,
    )


def currency_asked(request: StaffRequest, customer: Customer, found: list[str]) -> str:
    """The currency of the address, also when nothing is due in it any more: an amount that was typed in one is never
    read in another. Without, the customer's own when something is due in it (or nothing is), else the first in which
    something is.
    """
    asked = request.GET.get("currency", "").upper()
    if is_currency(asked):
        return asked
    return customer.currency if customer.currency in found or not found else found[0]


def recorded(request: StaffRequest, customer: Customer, form: ReceiveForm, today: Any) -> Remittance | None:
    """What was recorded, also for a form that was sent twice; None when the form now carries an error."""
    data = form.cleaned_data
    key = f"form:{form.token}"
    at = now(request.organization)
    try:
        with claimed(form) as first:
            if not first:
                return Remittance.objects.of(request.organization).filter(key=key).first()
            return receive(
                customer,
                currency=form.currency,
                amount_minor=data["amount"],
                chosen=form.chosen(),
                rest_to=form.wallets.get(data["rest"]),
                keep_rest=data["rest"] == "account",
                expected=data["seen"],
                paid_at=moment_of(data["paid_on"], today, at, request.organization.timezone),
                reference=data["reference"],
                key=key,
                by=request.actor,
                at=at,
            )
    except BillingError as error:
        mark(form, error)
        return None


def said(row: Remittance) -> str:
    """What was done, in a sentence."""
    number = row.payments.count()
    text = (
        f"{money_text(row.amount_minor, row.currency)} was recorded for {number} invoice{'s'[: number != 1]}."
    )
    if row.left_minor:
        text += f" {money_text(row.left_minor, row.currency)} is on account."
    return text
