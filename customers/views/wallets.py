"""Wallets: the list of all, the customer's tab, one wallet with its ledger, and what can be done with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum
from django.http import HttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.actions.locks import lock_customer
from billing.actions.subscriptions import customer_timezone
from billing.actions.wallets import create_wallet, grant, terminate_wallet, void_credits
from billing.models import EntryKind, Wallet, WalletEntry
from billing.orm.search import fold
from billing.rules.errors import BillingError
from billing.rules.periods import start_of_day
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.paging import page_of, sorted_by
from billing.web.requests import StaffRequest
from customers.forms.wallet import TopUpForm, VoidCreditsForm, WalletForm
from customers.models import Customer
from customers.views.find import wallet_or_404
from customers.views.frame import customer_frame, find_customer
from invoicing.actions.top_up import sell_credits

COLUMNS = {"customer": "customer__name", "balance": "balance_minor", "created": "created_at"}


@access("wallets.view")
def wallets(request: StaffRequest) -> HttpResponse:
    """All wallets of the organization."""
    rows = Wallet.objects.of(request.organization).select_related("customer__billing_entity")
    term, status = (request.GET.get(name, "").strip() for name in ("q", "status"))
    if term:
        rows = rows.filter(Q(name__icontains=term) | Q(customer__search_text__contains=fold(term)))
    if status in {"active", "terminated"}:
        rows = rows.filter(status=status)
    rows, sort = sorted_by(request, rows, COLUMNS, "-created")
    context = {
        "page": page_of(request, rows),
        "sort": sort,
        "q": term,
        "status": status,
        "filtered": bool(term or status),
    }
    return render_page(request, "customers/wallets/list.html", context, partials=("wallet-table",))


@access("wallets.view")
def customer_wallets(request: StaffRequest, id: UUID) -> HttpResponse:
    """The tab of a customer."""
    customer = find_customer(request, id)
    rows = Wallet.objects.filter(customer=customer).select_related("customer__billing_entity")
    context = customer_frame(request, customer, "wallets") | {"page": page_of(request, rows)}
    return render_page(request, "customers/wallets/tab.html", context, partials=("wallet-table",))


@access("wallets.view")
def wallet(request: StaffRequest, id: UUID) -> HttpResponse:
    """One wallet with its ledger."""
    row = wallet_or_404(request, id)
    entries = WalletEntry.objects.filter(wallet=row).select_related("invoice")
    used = entries.filter(kind=EntryKind.CONSUMED).aggregate(total=Sum("amount_minor"))["total"] or 0
    pending = row.credit_invoices.filter(status="finalized").exclude(payment_status="paid")
    context = {
        "wallet": row,
        "customer": row.customer,
        "page": page_of(request, entries),
        "used_minor": -used,
        "pending": pending,
        "is_active": row.status == "active",
        "tz": customer_timezone(row.customer),
    }
    return render_page(request, "customers/wallets/detail.html", context, partials=("entry-table",))


@access("wallets.edit")
def add(request: StaffRequest, id: UUID) -> HttpResponse:
    """A new wallet for the customer, with its first credits."""
    customer = find_customer(request, id)
    at = now(request.organization)
    form = WalletForm(request.POST or None, customer=customer)
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first:
                if first:
                    open_wallet(customer, form, request, at)
            return done(request, reverse("customer-wallets", args=[customer.pk]), "The wallet was created.")
        except BillingError as error:
            add_error(form, error, {"expires_at": "expires_on", "credits": "granted_credits"})
    context = {"customer": customer, "form": form}
    status = 422 if form.errors else 200
    return render_page(request, "customers/wallets/add.html", context, partials=("drawer",), status=status)


@transaction.atomic
def open_wallet(customer: Customer, form: WalletForm, request: StaffRequest, at: datetime) -> Wallet:
    """Make the wallet and book its first credits, all or nothing."""
    data = form.cleaned_data
    lock_customer(customer.pk)
    expires = data["expires_on"]
    tz = customer_timezone(customer)
    row = create_wallet(
        customer,
        name=data["name"],
        currency=data["currency"],
        rate=data["rate"],
        priority=data["priority"],
        expires_at=start_of_day(expires + timedelta(days=1), tz) if expires else None,
        by=request.actor,
        at=at,
    )
    add_credits(row, form, request, at)
    return row


def add_credits(row: Wallet, form: TopUpForm, request: StaffRequest, at: datetime) -> str:
    """Grant and sell what the form asks for; says what happened."""
    data: dict[str, Any] = form.cleaned_data
    told = []
    if data["granted_credits"]:
        grant(
            row,
            data["granted_credits"],
            reason=data["reason"],
            key=f"form:{form.token}",
            by=request.actor,
            at=at,
        )
        told.append("The free credits are there.")
    if data["paid_credits"]:
        sell_credits(row, data["paid_credits"], by=request.actor, at=at)
        told.append("An invoice was issued; the credits arrive when it is paid.")
    return " ".join(told)


@access("wallets.edit")
def top_up(request: StaffRequest, id: UUID) -> HttpResponse:
    """More credits: free, sold, or both."""
    row = wallet_or_404(request, id)
    form = TopUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with claimed(form) as first, transaction.atomic():
                text = add_credits(row, form, request, now(request.organization)) if first else "Done."
            return done(request, reverse("wallet", args=[row.pk]), text)
        except BillingError as error:
            add_error(form, error, {"credits": "granted_credits"})
    context = {"wallet": row, "form": form}
    status = 422 if form.errors else 200
    return render_page(request, "customers/wallets/top_up.html", context, partials=("drawer",), status=status)


@access("wallets.edit")
def void(request: StaffRequest, id: UUID) -> HttpResponse:
    """Take credits out by hand."""
    row = wallet_or_404(request, id)
    form = VoidCreditsForm(request.POST or None, wallet=row)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            void_credits(
                row,
                data["credits"],
                reason=data["reason"],
                key=f"form:{form.token}",
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, reverse("wallet", args=[row.pk]), "The credits were taken out.")
        except BillingError as error:
            add_error(form, error)
    context = {"wallet": row, "form": form}
    status = 422 if form.errors else 200
    return render_page(request, "customers/wallets/void.html", context, partials=("dialog",), status=status)


@access("wallets.edit")
def terminate(request: StaffRequest, id: UUID) -> HttpResponse:
    """End a wallet; its rest is lost, which the dialog says with the amount."""
    row = wallet_or_404(request, id)
    form = OnceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        terminate_wallet(row, by=request.actor, at=now(request.organization))
        return done(request, reverse("wallet", args=[row.pk]), "The wallet has ended.")
    return render_page(
        request, "customers/wallets/terminate.html", {"wallet": row, "form": form}, partials=("dialog",)
    )
