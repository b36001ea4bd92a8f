"""Payment requests: the list, one with its invoices and e-mails, asking again, taking it back."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page, wants_partial
from billing.web.once import claimed
from billing.web.paging import address, page_of, sorted_by, tidy
from billing.web.requests import StaffRequest
from invoicing.actions.mail import mails_customers
from invoicing.actions.payment_requests import ask_again, withdraw_request
from invoicing.forms.payment_requests import AskAgainForm, WithdrawForm
from invoicing.models import Mail, MailState, PaymentRequest
from invoicing.queries.paying import attempts_of
from invoicing.queries.payment_requests import (
    REQUEST_SORTS,
    REQUEST_STATES,
    parts_of,
    request_url,
    requests_in,
    requests_of,
)
from invoicing.views.frame import history_of

MOST_SHOWN = 50


def find_request(request: StaffRequest, key: UUID) -> PaymentRequest:
    """A request of the organization, also of a deleted customer; else 404."""
    rows = requests_of(request.organization).select_related(
        "customer", "billing_entity__organization", "replaced_by"
    )
    return cast(PaymentRequest, rows.get_or_404(pk=key))


@require_safe
@access("invoices.view")
def payment_requests(request: StaffRequest) -> HttpResponse:
    """The list, the latest first."""
    state = request.GET.get("state", "")
    state = state if state in REQUEST_STATES else ""
    term = request.GET.get("q", "").strip()[:100]
    rows, sort = sorted_by(request, requests_in(request.organization, state, term), REQUEST_SORTS, "-created")
    context = {
        "page": page_of(request, rows),
        "state": state,
        "q": term,
        "sort": sort if request.GET.get("sort") else "",
        "segments": [
            {
                "label": label,
                "url": address(request.GET, "page", "state", **({"state": name} if name else {})),
                "active": name == state,
            }
            for name, (label, _) in REQUEST_STATES.items()
        ],
    }
    response = render_page(
        request, "invoicing/payment_requests/list.html", context, partials=("request-table",)
    )
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response


@require_safe
@access("invoices.view")
def payment_request(request: StaffRequest, id: UUID) -> HttpResponse:
    """One request."""
    row = find_request(request, id)
    mails = list(Mail.objects.of(request.organization).about(row).defer("html", "text")[:MOST_SHOWN])
    context: dict[str, Any] = {
        "asked": row,
        "parts": parts_of(row),
        "attempts": attempts_of(row),
        "pay_url": request_url(row) if row.open else "",
        "mails": mails,
        "mail_busy": any(mail.state == MailState.WAITING.value and not mail.attempts for mail in mails),
        "may_edit": may(request.member, "invoices.edit") and row.open,
        "mailing": mails_customers(row.billing_entity),
        "history": history_of(row.organization_id, [row.pk], row.currency, request.organization.timezone),
    }
    return render_page(request, "invoicing/payment_requests/detail.html", context)


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def again(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer that mails it once more."""
    row = find_request(request, id)
    page = reverse("payment-request", args=[row])
    form = AskAgainForm(request.POST if request.method == "POST" else None, request=row)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            with claimed(form) as first:
                if first:
                    ask_again(
                        row,
                        to=data["to"],
                        note=data["note"],
                        attach=data["attach"],
                        key=form.token,
                        by=request.actor,
                        at=now(request.organization),
                    )
            return done(request, page, f"The e-mail to {', '.join(data['to'])} is on its way.")
        except BillingError as error:
            add_error(form, error)
    context = {"asked": row, "form": form, "page_url": page}
    status = 422 if form.errors else 200
    return render_page(
        request, "invoicing/payment_requests/again.html", context, partials=("drawer",), status=status
    )


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def withdraw(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog that takes it back, after saying what stays."""
    row = find_request(request, id)
    page = reverse("payment-request", args=[row])
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            withdraw_request(row, reason=reason, by=request.actor, at=now(request.organization))
            return done(request, page, "The request was withdrawn.")
        except BillingError as error:
            add_error(form, error)
    context = {"asked": row, "form": form, "page_url": page}
    status = 422 if form.errors else 200
    return render_page(
        request, "invoicing/payment_requests/withdraw.html", context, partials=("dialog",), status=status
    )
