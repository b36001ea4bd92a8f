"""What can be done with wallets: opening, topping up, changing the rules, taking out, ending."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from billing.actions.clock import now
from billing.actions.locks import lock_customer
from billing.actions.wallet_opening import create_wallet, usual_terms
from billing.actions.wallet_terms import edit_wallet
from billing.actions.wallets import grant, void_credits
from billing.models import Wallet
from billing.queries.schedules import customer_zone
from billing.queries.wallets import wallet_state
from billing.rules.errors import BillingError
from billing.rules.periods import start_of_day
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.requests import StaffRequest
from customers.actions.foresee_bills import OpenedWallet, foresee_wallet
from customers.forms.wallet import TopUpForm, VoidCreditsForm, WalletForm
from customers.forms.wallet_terms import NAMES, WalletTermsForm
from customers.models import Customer
from customers.queries.wallet_preview import top_up_preview
from customers.views.find import wallet_or_404
from customers.views.frame import find_customer
from invoicing.actions.draft import payment_term
from invoicing.actions.top_up import sell_credits
from invoicing.actions.wallet_settling import end_wallet, open_settlements, settle_wallet


@require_http_methods(["GET", "HEAD", "POST"])
@access("wallets.edit")
def add(request: StaffRequest, id: UUID) -> HttpResponse:
    """A new wallet for the customer, with its first credits. With `act=look` it only says what they would do."""
    customer = find_customer(request, id)
    at = now(request.organization)
    looking = request.POST.get("act") == "look"
    form = WalletForm(request.POST or None, customer=customer)
    opened: OpenedWallet | None = None
    if request.method == "POST" and form.is_valid():
        try:
            if not looking:
                with claimed(form) as first:
                    row = open_wallet(customer, form, request, at) if first else None
                undo = reverse("wallet-terminate", args=[row]) if row and not form.sells else ""
                page = reverse("customer-wallets", args=[customer])
                return done(request, page, "The wallet was created.", undo_url=undo)
            opened = foresee_wallet(
                customer, lambda: open_wallet(customer, form, request, at), by=request.actor, at=at
            )
        except BillingError as error:
            add_error(form, error, NAMES | {"credits": "granted_credits"})
    context = {"customer": customer, "form": form, "opened": opened, "tz": customer_zone(customer)}
    status = 422 if form.errors and not looking else 200
    partials = ("drawer", "wallet-effect")
    return render_page(request, "customers/wallets/add.html", context, partials=partials, status=status)


@transaction.atomic
def open_wallet(customer: Customer, form: WalletForm, request: StaffRequest, at: datetime) -> Wallet:
    """Make the wallet and book its first credits, all or nothing."""
    data = form.cleaned_data
    fee_types, metric_ids = form.limits()
    lock_customer(customer.pk)
    row = create_wallet(
        customer,
        currency=data["currency"],
        rate=data["rate"],
        terms=replace(
            usual_terms(
                customer,
                data["currency"],
                name=data["name"],
                priority=data["priority"],
                expires_at=after(data["expires_on"], customer_zone(customer)),
            ),
            fee_types=fee_types,
            metric_ids=metric_ids,
        ),
        by=request.actor,
        at=at,
    )
    add_credits(row, form, request, at)
    return row


def after(day: date | None, tz: str) -> datetime | None:
    """The moment at which a day has passed for the customer."""
    return start_of_day(day + timedelta(days=1), tz) if day else None


def add_credits(row: Wallet, form: TopUpForm, request: StaffRequest, at: datetime) -> str:
    """Grant and sell what the form asks for; says what happened."""
    data: dict[str, Any] = form.cleaned_data
    told = []
    if data["granted_credits"]:
        expires = after(data["granted_expire_on"], customer_zone(row.customer))
        try:
            grant(
                row,
                data["granted_credits"],
                reason=data["reason"],
                expires_at=expires,
                priority=data["credit_priority"],
                key=f"form:{form.token}",
                by=request.actor,
                at=at,
            )
        except BillingError as error:
            if error.field == "expires_at":
                error.field = "granted_expire_on"
            raise
        told.append("The promotional credits are there.")
    if data["paid_credits"]:
        try:
            sell_credits(row, data["paid_credits"], priority=data["credit_priority"], by=request.actor, at=at)
        except BillingError as error:
            if error.field == "credits":
                error.field = "paid_credits"
            raise
        told.append("An invoice was issued; the credits arrive when it is paid.")
    return " ".join(told)


@require_http_methods(["GET", "HEAD", "POST"])
@access("wallets.edit")
def top_up(request: StaffRequest, id: UUID) -> HttpResponse:
    """More credits: promotional, sold, or both. A GET with credits shows what they would do."""
    row, at = wallet_or_404(request, id), now(request.organization)
    posted = request.method == "POST"
    names = [name for name in TopUpForm.base_fields if name != "once"]
    asked = {name: request.GET[name] for name in names if name in request.GET}
    form = TopUpForm(request.POST if posted else None, initial=asked)
    if posted and form.is_valid():
        try:
            with claimed(form) as first, transaction.atomic():
                text = add_credits(row, form, request, at) if first else "Done."
            return done(request, reverse("wallet", args=[row]), text)
        except BillingError as error:
            add_error(form, error, {"credits": "granted_credits"})
    context = {
        "wallet": row,
        "form": form,
        "preview": top_up_preview(row, form["paid_credits"].value(), form["granted_credits"].value(), at),
    }
    status = 422 if form.errors else 200
    partials = ("drawer", "effects")
    return render_page(request, "customers/wallets/top_up.html", context, partials=partials, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@access("wallets.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Name, order of use, expiry, limits and automatic top-up."""
    row = wallet_or_404(request, id)
    form = WalletTermsForm(request.POST if request.method == "POST" else None, wallet=row)
    if form.is_bound and form.is_valid():
        try:
            with claimed(form) as first:
                if first:
                    edit_wallet(row, form.terms(), by=request.actor, at=now(request.organization))
            return done(request, reverse("wallet", args=[row]), "The wallet was changed.")
        except BillingError as error:
            add_error(form, error, NAMES)
    context = {"wallet": row, "customer": row.customer, "form": form}
    status = 422 if form.errors else 200
    return render_page(request, "customers/wallets/edit.html", context, partials=("drawer",), status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@access("wallets.edit")
def void(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take credits out by hand."""
    row, at = wallet_or_404(request, id), now(request.organization)
    form = VoidCreditsForm(request.POST if request.method == "POST" else None, wallet=row)
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            void_credits(
                row,
                data["credits"],
                reason=data["reason"],
                key=f"form:{form.token}",
                by=request.actor,
                at=at,
            )
            return done(request, reverse("wallet", args=[row]), "The credits were taken out.")
        except BillingError as error:
            add_error(form, error)
    context = {"wallet": row, "form": form, "state": wallet_state(row, at)}
    status = 422 if form.errors else 200
    return render_page(request, "customers/wallets/void.html", context, partials=("dialog",), status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@access("wallets.edit")
def terminate(request: StaffRequest, id: UUID) -> HttpResponse:
    """End a wallet; the dialog says what is lost, or billed, with the amounts."""
    row, at = wallet_or_404(request, id), now(request.organization)
    form = OnceForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            end_wallet(row, by=request.actor, at=at)
            return done(request, reverse("wallet", args=[row]), "The wallet has ended.")
        except BillingError as error:
            add_error(form, error)
    context = {"wallet": row, "form": form, "state": wallet_state(row, at)}
    status = 422 if form.errors else 200
    template, partials = "customers/wallets/terminate.html", ("dialog",)
    return render_page(request, template, context, partials=partials, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@access("wallets.edit")
def settle(request: StaffRequest, id: UUID) -> HttpResponse:
    """Bill what is owed on a postpaid customer's wallet; the dialog says what the invoice asks for."""
    row, at = wallet_or_404(request, id), now(request.organization)
    form = OnceForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            invoice = settle_wallet(row, key=f"form:{form.token}", by=request.actor, at=at)
            return done(request, reverse("invoice", args=[invoice]), "What is owed is on this invoice.")
        except BillingError as error:
            add_error(form, error)
    settlements = list(open_settlements(row))
    context = {
        "wallet": row,
        "customer": row.customer,
        "settlements": settlements,
        "unbilled_minor": -row.balance_minor - sum(invoice.total_minor for invoice in settlements),
        "term_days": payment_term(row.customer),
        "form": form,
    }
    status = 422 if form.errors else 200
    return render_page(request, "customers/wallets/settle.html", context, partials=("dialog",), status=status)
