"""The customer portal: a customer's own invoices, usage, credits and data. Nothing of anybody else is reachable,
because every query starts at the link's customer.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from csp.decorators import csp_replace
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.clock import now
from billing.models import Subscription, Wallet
from billing.orm.actor import Actor
from billing.queries.wallets import metrics_of, pays_for
from billing.rules.errors import BillingError
from billing.web.documents import READER, pdf_answer
from billing.web.errors import add_error
from billing.web.paging import page_of
from customers.actions.customers import update_customer
from customers.actions.portal import link_of, working
from customers.forms.portal import OwnDataForm
from customers.models import Customer
from customers.queries.usage import running_usage
from customers.views.portal_frame import COOKIE, PATH, SALT, PortalRequest, closed, frame, portal, private
from invoicing.actions.publish import ask_for_pdf
from invoicing.models import CreditNote, Invoice, Receipt
from invoicing.queries.listing import balances, listed
from invoicing.queries.paying import payable_online

ISSUED = ("finalized", "voided")


@require_safe
def portal_enter(request: HttpRequest, secret: str) -> HttpResponse:
    """The link itself: its secret becomes a cookie, and the address loses it."""
    link = link_of(secret)
    if link is None or working(link, now(link.customer.organization)) is None:
        return closed(request)
    response = redirect("portal")
    response.set_signed_cookie(
        COOKIE,
        str(link.pk),
        salt=SALT,
        path=PATH,
        expires=link.expires_at,
        httponly=True,
        secure=request.is_secure(),
        samesite="Lax",
    )
    return private(response)


@require_POST
def portal_leave(request: HttpRequest) -> HttpResponse:
    """Forget the link in this browser."""
    response = redirect("portal")
    response.delete_cookie(COOKIE, path=PATH)
    return private(response)


@require_safe
@portal
def portal_home(request: PortalRequest) -> HttpResponse:
    """What is owed, what runs, and the latest invoices."""
    customer = request.customer
    at = now(customer.organization)
    today = timezone.localtime(at).date()
    rows = list(invoices_of(customer)[:5])
    context = frame(request, "home") | {
        "balances": balances(customer, today),
        "rows": listed(rows, today),
        "payable": payable_online(customer, rows),
        "subscriptions": Subscription.objects.live().filter(customer=customer).select_related("plan"),
        "wallets": wallets_of(customer),
    }
    return render(request, "portal/home.html", context)


@require_safe
@portal
def portal_invoices(request: PortalRequest) -> HttpResponse:
    """All issued invoices and credit notes, the latest first."""
    customer = request.customer
    today = timezone.localtime(now(customer.organization)).date()
    page = page_of(request, invoices_of(customer))
    context = frame(request, "invoices") | {
        "page": page,
        "rows": listed(page.object_list, today),
        "payable": payable_online(customer, page.object_list),
        "notes": CreditNote.objects.filter(customer=customer)[:50],
        "receipts": Receipt.objects.filter(customer=customer)[:50],
    }
    return render(request, "portal/invoices.html", context)


@require_safe
@portal  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def portal_invoice_pdf(request: PortalRequest, id: UUID) -> HttpResponse:
    """The PDF of an invoice of one's own."""
    row = Invoice.objects.filter(customer=request.customer, status__in=ISSUED).get_or_404(pk=id)
    return pdf_answer(request, row)


@require_safe
@portal  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def portal_credit_note_pdf(request: PortalRequest, id: UUID) -> HttpResponse:
    """The PDF of a credit note of one's own."""
    row = CreditNote.objects.filter(customer=request.customer).get_or_404(pk=id)
    return pdf_answer(request, row)


@require_safe
@portal  # type: ignore[arg-type]
@csp_replace(READER)  # type: ignore[arg-type]
def portal_receipt_pdf(request: PortalRequest, id: UUID) -> HttpResponse:
    """The PDF of a receipt of one's own; one that nobody has looked at yet is printed first."""
    row = Receipt.objects.filter(customer=request.customer).get_or_404(pk=id)
    if row.current_copy.ready:
        return pdf_answer(request, row)
    ask_for_pdf(row)
    messages.info(request, f"Receipt {row.number} is being printed. Open it again in a moment.")
    return redirect("portal-invoices")


@require_safe
@portal
def portal_usage(request: PortalRequest) -> HttpResponse:
    """What was used in the running periods, by charge."""
    reports = running_usage(request.customer, now(request.customer.organization))
    return render(request, "portal/usage.html", frame(request, "usage") | {"reports": reports})


@require_safe
@portal
def portal_wallet(request: PortalRequest) -> HttpResponse:
    """Prepaid credits and their movements."""
    rows = wallets_of(request.customer)
    metrics = metrics_of(rows)
    context = frame(request, "wallet") | {
        "wallets": [
            {"wallet": row, "pays_for": pays_for(row, metrics), "entries": row.entries.all()[:50]}
            for row in rows
        ]
    }
    return render(request, "portal/wallet.html", context)


@require_http_methods(["GET", "POST"])
@portal
def portal_details(request: PortalRequest) -> HttpResponse:
    """One's own data; later invoices carry it."""
    customer = request.customer
    form = OwnDataForm(request.POST if request.method == "POST" else None, instance=copy_of(customer))
    if request.method == "POST" and form.is_valid():
        changes = {
            name: value for name, value in form.cleaned_data.items() if value != getattr(customer, name)
        }
        by = Actor("customer", f"{customer.display_name} (portal)"[:200])
        try:
            update_customer(customer, changes, by=by, at=now(customer.organization))
        except BillingError as error:
            add_error(form, error)
        else:
            messages.success(request, "Your details are saved. Later invoices carry them.")
            return redirect(reverse("portal-details"))
    status = 422 if form.errors else 200
    return render(request, "portal/details.html", frame(request, "details") | {"form": form}, status=status)


def copy_of(customer: Customer) -> Customer:
    """The form fills its instance while it validates; the request's own row stays as it is stored."""
    return Customer.objects.get(pk=customer.pk)


@require_safe
@portal
def portal_logo(request: PortalRequest) -> HttpResponse:
    """The issuer's logo."""
    logo = request.customer.billing_entity.logo
    if not logo:
        raise Http404("No logo.")
    kind = "image/png" if str(logo.name).endswith(".png") else "image/jpeg"
    return cast(HttpResponse, FileResponse(logo.open("rb"), content_type=kind))


@require_safe
@portal
def portal_brand(request: PortalRequest) -> HttpResponse:
    """The issuer's colour, as a style sheet: styles inside pages are not allowed."""
    color = request.customer.billing_entity.brand_color
    return HttpResponse(f":root {{ --brand: {color}; }}\n", content_type="text/css")


def invoices_of(customer: Customer) -> Any:
    """Issued and withdrawn invoices."""
    rows = Invoice.objects.filter(customer=customer, status__in=ISSUED).select_related("customer")
    return rows.order_by("-issuing_on", "-pk")


def wallets_of(customer: Customer) -> list[Wallet]:
    """Active wallets that have been used, in the order in which they pay."""
    return list(Wallet.objects.filter(customer=customer).active().in_use().in_order_of_use())
