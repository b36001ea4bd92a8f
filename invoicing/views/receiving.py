"""Money on account: one transfer, using what is left of it, giving that back. And which invoice a payment is for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.clock import now
from billing.models import Wallet
from billing.orm.search import fold, matching
from billing.rules.errors import BillingError, Invalid
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.requests import StaffRequest
from invoicing.actions.refunds import send_rest_back
from invoicing.actions.remittances import give_back_rest, planned, turn_into_credits, use_rest
from invoicing.forms.crediting import RefundForm
from invoicing.forms.receiving import (
    UseRestForm,
    mark,
    show_split,
    split_rows,
    wallet_choices,
)
from invoicing.models import Invoice, Remittance
from invoicing.queries.collecting import unpaid_of
from invoicing.queries.refunds import attempt_of, hindrance
from invoicing.views.frame import history_of
from invoicing.views.payments import provider_url
from invoicing.views.receipts import receipt_panel

MOST_FOUND = 20


@require_safe
@access("invoices.pay")
def choose(request: StaffRequest) -> HttpResponse:
    """The first step of "Record a payment": unpaid invoices by number or customer, the oldest first."""
    term = request.GET.get("q", "").strip()[:100]
    rows = Invoice.objects.of(request.organization).unpaid().select_related("customer")
    if term:
        wanted = Q(number__icontains=term) | Q(customer_name__icontains=term)
        if fold(term):
            customers = Invoice.customer.field.related_model.objects.of(request.organization)  # type: ignore[attr-defined]
            wanted |= Q(customer__in=matching(customers, term).values("pk"))
        rows = rows.filter(wanted)
    found = list(rows.order_by("due_on", "pk")[: MOST_FOUND + 1])
    context = {"q": term, "invoices": found[:MOST_FOUND], "more": len(found) > MOST_FOUND}
    return render_page(
        request, "invoicing/payments/choose.html", context, partials=("drawer", "payment-choice")
    )


def find_remittance(request: StaffRequest, key: UUID) -> Remittance:
    """A transfer of the organization; else 404."""
    rows = Remittance.objects.of(request.organization).select_related("customer")
    found: Remittance = rows.get_or_404(pk=key)
    return found


@require_safe
@access("invoices.view")
def remittance(request: StaffRequest, id: UUID) -> HttpResponse:
    """One transfer: where each part of it went, and what is on account."""
    row = find_remittance(request, id)
    context = {
        "remittance": row,
        "attempt": attempt_of(row),
        "provider_url": provider_url(row),
        "parts": row.payments.select_related("invoice").order_by("created_at", "pk"),
        "returns": row.returns.all(),
        "refunds": row.refunds.exclude(status="successful").select_related("account"),
        "customer": row.customer,
        "history": history_of(row.organization_id, [row.pk], row.currency, request.organization.timezone),
    }
    context |= receipt_panel(request, row)
    return render_page(request, "invoicing/remittances/detail.html", context)


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def use(request: StaffRequest, id: UUID) -> HttpResponse:
    """What is on account pays invoices, or buys credits (`act=credits`)."""
    row = find_remittance(request, id)
    invoices = list(unpaid_of(row.customer, row.currency))
    form = UseRestForm(
        request.POST if request.method == "POST" else None, currency=row.currency, invoices=invoices
    )
    wallets = list(
        Wallet.objects.filter(customer=row.customer, currency=row.currency).active().in_order_of_use()
    )
    looking = request.htmx.target == "payment-split" or request.POST.get("act") == "look"
    whole = form.is_valid()
    chosen = form.chosen() if whole else {}
    if whole and not looking and used(request, row, form, wallets):
        return done(request, reverse("remittance", args=[row]), "The money on account was used.")
    context: dict[str, Any] = {
        "remittance": row,
        "currency": row.currency,
        "form": form,
        "rows": split_rows(form),
        "split": None,
        "wallets": wallet_choices(wallets),
    }
    if row.left_minor and invoices and (whole or not form.is_bound):
        context |= show_split(form, lambda: planned(row.customer, row.currency, row.left_minor, chosen))
    status = 422 if form.errors and not looking else 200
    return render_page(
        request,
        "invoicing/remittances/use.html",
        context,
        partials=("drawer", "payment-split"),
        status=status,
    )


def used(request: StaffRequest, row: Remittance, form: UseRestForm, wallets: list[Wallet]) -> bool:
    """Whether it was done (also before, by the same form); else the form carries the error."""
    key = f"form:{form.token}"
    at = now(request.organization)
    chosen = {wallet.public_id: wallet for wallet in wallets}.get(request.POST.get("wallet", ""))
    try:
        with claimed(form) as first:
            if not first:
                return True
            if chosen is not None:
                turn_into_credits(row, chosen, key=key, by=request.actor, at=at)
            elif request.POST.get("act") == "credits":
                raise Invalid("Choose a wallet.")
            else:
                seen = form.cleaned_data["seen"]
                use_rest(row, chosen=form.chosen(), expected=seen or None, key=key, by=request.actor, at=at)
            return True
    except BillingError as error:
        mark(form, error)
        return False


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def give_back(request: StaffRequest, id: UUID) -> HttpResponse:
    """Money on account goes back: through the provider that it came by, else it is noted that it went."""
    row = find_remittance(request, id)
    attempt = attempt_of(row)
    hindered = hindrance(attempt)
    account = attempt.provider if attempt and not hindered else None
    form = RefundForm(request.POST if request.method == "POST" else None, source=row, account=account)
    if request.method == "POST" and form.is_valid():
        online = account is not None and form.cleaned_data.get("how") != "hand"
        try:
            with claimed(form) as first:
                if first:
                    send_or_note(request, row, form, online=online)
            said = f"{account} sends the money back." if online else "It was noted that the money went back."
            kind = "info" if online else "success"
            return done(request, reverse("remittance", args=[row]), said, kind=kind)
        except BillingError as error:
            add_error(form, error)
    context = {"remittance": row, "form": form, "account": account, "hindered": hindered}
    status = 422 if form.errors else 200
    return render_page(
        request, "invoicing/remittances/give_back.html", context, partials=("drawer",), status=status
    )


def send_or_note(request: StaffRequest, row: Remittance, form: RefundForm, *, online: bool) -> None:
    """Have the provider send it, or note that it was sent."""
    typed: dict[str, Any] = {
        "amount_minor": form.cleaned_data["amount"],
        "reason": form.cleaned_data["reason"],
    }
    again: dict[str, Any] = {
        "key": f"form:{form.token}",
        "by": request.actor,
        "at": now(request.organization),
    }
    if online:
        send_rest_back(row, **typed, **again)
    else:
        give_back_rest(row, **typed, reference=form.cleaned_data["reference"], **again)
